import { expect, test } from '@jest/globals';

import { withoutPassword } from '../../../infra/dev/runtime/settings.ts';
import { scrub, withoutLogins } from '../../../lib/runtime/scrub.ts';

test.each(['ada:hush', 'ada:hu@sh', 'ada:h@u@sh', 'ada:h%40sh%C3%BC'])(
  'the login %s is masked or removed wherever the URL that contains it appears',
  (login) => {
    const text = `amqps://${login}@broker.example:5671/shop does not answer; see https://example.org`;
    expect(scrub(text)).toBe('amqps://***@broker.example:5671/shop does not answer; see https://example.org');
    expect(withoutLogins(text)).toBe('amqps://broker.example:5671/shop does not answer; see https://example.org');
    expect(withoutPassword(`amqps://${login}@broker.example:5671/shop`)).toBe(
      'amqps://ada:***@broker.example:5671/shop',
    );
  },
);
