import { expect, test } from '@jest/globals';

import { withoutPassword } from '../../../infra/dev/runtime/settings.ts';
import { scrub, withoutLogins } from '../../../lib/runtime/scrub.ts';

test.each(['ada:hush', 'ada:hu@sh', 'ada:h@u@sh', 'ada:h%40sh%C3%BC'])(
  'if a text contains a URL with the login %s, scrub masks the login and withoutLogins removes it',
  (login) => {
    const text = `amqps://${login}@broker.example:5671/shop does not answer; see https://example.org`;
    expect(scrub(text)).toBe('amqps://***@broker.example:5671/shop does not answer; see https://example.org');
    expect(withoutLogins(text)).toBe('amqps://broker.example:5671/shop does not answer; see https://example.org');
    expect(withoutPassword(`amqps://${login}@broker.example:5671/shop`)).toBe(
      'amqps://ada:***@broker.example:5671/shop',
    );
  },
);

test.each([
  ['amqp://user:pass@host:5672', 'amqp://***@host:5672'],
  ['key whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw is wrong', 'key whsec_*** is wrong'],
  ['Bearer abc.def', 'Bearer ***'],
  ['token eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln here', 'token eyJ*** here'],
  ['v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=', 'v1,***'],
  ['nothing secret, order v1, of 2026', 'nothing secret, order v1, of 2026'],
])('scrub changes the text "%s" to "%s"', (text, scrubbed) => {
  expect(scrub(text)).toBe(scrubbed);
});
