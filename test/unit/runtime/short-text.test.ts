import { expect, test } from '@jest/globals';

import { shortText, wellFormed } from '../../../lib/runtime/short-text.ts';

test.each([
  ['abc', 3, 'abc'],
  ['abcd', 3, 'abc'],
  ['ab😀', 4, 'ab😀'],
  ['ab😀', 3, 'ab'],
  ['ab😀c', 4, 'ab😀'],
  ['a\ud83d', 5, 'a\ufffd'],
  ['a\ud83db', 2, 'a\ufffd'],
  ['\ude00b', 1, '\ufffd'],
  ['😀', 1, ''],
])(
  'the text %j, cut to at most %d UTF-16 code units without splitting a surrogate pair, is %j',
  (text, length, cut) => {
    expect(shortText(text, length)).toBe(cut);
  },
);

test('a text without lone surrogates stays as it is, and every lone surrogate becomes U+FFFD', () => {
  expect(wellFormed('grün 😀')).toBe('grün 😀');
  expect(wellFormed('\ud83d😀\ude00')).toBe('\ufffd😀\ufffd');
});
