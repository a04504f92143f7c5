import { expect, test } from '@jest/globals';

import { MAX_LIST_BYTES, readFailedAttempts, writeFailedAttempts } from '../../../lib/events/failed-attempts.ts';

const failed = (attempt: number, message = 'connection refused') => ({
  attempt,
  at: '2026-11-22T12:00:00.000Z',
  delayMs: 1_000,
  code: 'UNKNOWN_ERROR',
  message,
});

test('writing and reading a list of failed attempts does not change the list', () => {
  const list = [failed(1), failed(2, 'a "quoted" text with é and 😀')];
  expect(readFailedAttempts(writeFailedAttempts(list))).toEqual(list);
});

test('a list of failed attempts that would be too long contains only the latest attempts, with shortened error messages', () => {
  const list = Array.from({ length: 999 }, (_, index) => failed(index + 1, '😀'.repeat(2_000)));
  const json = writeFailedAttempts(list);
  expect(Buffer.byteLength(json)).toBeLessThanOrEqual(MAX_LIST_BYTES);
  const read = readFailedAttempts(json);
  expect(read.length).toBeGreaterThan(1);
  expect(read.at(-1)).toMatchObject({ attempt: 999, message: '😀'.repeat(100) });
  expect(read.map(({ attempt }) => attempt)).toEqual(read.map((_, index) => 1_000 - read.length + index));
});

test('if the length limit for the error message of a failed attempt falls inside an emoji, the whole emoji is left out', () => {
  const [read] = readFailedAttempts(writeFailedAttempts([failed(1, `x${'😀'.repeat(200)}`)]));
  expect(read?.message).toBe(`x${'😀'.repeat(99)}`);
});

test.each([
  'not JSON',
  '7',
  'null',
  '{"attempt":1}',
  '[null, 1, "x", []]',
  JSON.stringify([{ ...failed(1), attempt: '1' }]),
  JSON.stringify([{ ...failed(1), attempt: -1 }]),
  JSON.stringify([{ ...failed(1), delayMs: 1.5 }]),
  JSON.stringify([{ ...failed(1), at: 'yesterday' }]),
  JSON.stringify([{ ...failed(1), at: '2026-99-99T99:99:99.999Z' }]),
  JSON.stringify([{ ...failed(1), code: 7 }]),
  JSON.stringify([{ ...failed(1), message: undefined }]),
  JSON.stringify([failed(1, 'x'.repeat(MAX_LIST_BYTES))]),
])('a header that is not a list of failed attempts is read as an empty list: %s', (json) => {
  expect(readFailedAttempts(json)).toEqual([]);
});
