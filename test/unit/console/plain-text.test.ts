import { expect, test } from '@jest/globals';

import { partsOf } from '../../../infra/console/plain-text.ts';

test('partsOf returns a text without invisible characters as a single part', () => {
  expect(partsOf('<b>naïve 日本語\n\ttext ❤️')).toEqual(['<b>naïve 日本語\n\ttext ❤️']);
});

test('characters that are invisible or change the direction of text are replaced by their names', () => {
  expect(partsOf('a\u202eb\u2066c\u0000\u200b')).toEqual([
    'a',
    { name: 'RLO' },
    'b',
    { name: 'LRI' },
    'c',
    { name: 'U+0000' },
    { name: 'ZWSP' },
  ]);
});

test('the parts that partsOf returns as plain strings never contain a character that changes the text direction', () => {
  const hostile = Array.from({ length: 0x3000 }, (_, code) => String.fromCodePoint(code)).join('');
  const plain = partsOf(hostile)
    .filter((part) => typeof part === 'string')
    .join('');
  expect(plain.length).toBeGreaterThan(10_000);
  expect(/\p{Bidi_Control}/u.test(plain)).toBe(false);
});
