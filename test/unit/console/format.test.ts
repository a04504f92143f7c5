import { expect, test } from '@jest/globals';

import { createFormat, fromLocalInput, toLocalInput } from '../../../infra/console/format.ts';

const plain = (text: string) => text.replaceAll(/\s/g, ' ');

test.each([
  ['en', 1_234_567, '1,234,567'],
  ['de', 1_234_567, '1.234.567'],
  ['zh', 1_234_567, '1,234,567'],
])('in the locale %s, the console shows the number %d as %s', (locale, value, shown) => {
  expect(createFormat(locale).number(value)).toBe(shown);
});

test.each([
  [450, '450 ms'],
  [2_500, '2.5 sec'],
  [65_000, '1 min 5 sec'],
  [3_600_000, '1 hr'],
  [93_600_000, '1 day 2 hr'],
])('the console shows a duration of %d ms as %s', (ms, shown) => {
  expect(plain(createFormat('en').duration(ms))).toBe(shown);
});

test.each([
  [0, '0s ago'],
  [59_000, '59s ago'],
  [3 * 3_600_000, '3h ago'],
])('the console shows a time %d ms ago as %s', (ms, shown) => {
  const nowMs = Date.parse('2026-11-27T12:00:00Z');
  const text = createFormat('en').ago(new Date(nowMs - ms).toISOString(), nowMs);
  expect(plain(text).replace(/ (sec|hr)\.? /, (_, unit: string) => `${unit[0]} `)).toBe(shown);
});

test.each([
  [999, '999B'],
  [1_500, '1.5 kB'],
  [1_048_576, '1 MB'],
])('the console shows a size of %d bytes as %s', (bytes, shown) => {
  expect(plain(createFormat('en').bytes(bytes))).toBe(shown);
});

test('the console converts the value of an input for local times to ISO 8601 and back', () => {
  expect(fromLocalInput(toLocalInput('2026-11-27T10:30:00.000Z'))).toBe('2026-11-27T10:30:00.000Z');
  expect([fromLocalInput(''), toLocalInput(undefined), toLocalInput('nonsense')]).toEqual([undefined, '', '']);
});
