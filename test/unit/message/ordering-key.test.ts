import { expect, test } from '@jest/globals';

import { boundedKey } from '../../../lib/message/ordering-key.ts';

test('an ordering key of at most 256 bytes is stored unchanged, even the empty key', () => {
  expect(boundedKey('')).toBe('');
  expect(boundedKey('customer 1')).toBe('customer 1');
  expect(boundedKey('é'.repeat(128))).toBe('é'.repeat(128));
});

test('an ordering key of more than 256 bytes is stored as its hash, and different keys have different hashes', () => {
  const [one, other] = ['x'.repeat(5_000_000), `${'x'.repeat(4_999_999)}y`].map(boundedKey);
  expect(one).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(other).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(one).not.toBe(other);
  expect(boundedKey('é'.repeat(129))).toMatch(/^sha256:/);
});

test('ordering keys with different lone surrogates stay different, although DynamoDB would store them as equal', () => {
  expect(boundedKey('\ud800')).not.toBe(boundedKey('\ud801'));
  expect(boundedKey('\ud800')).toMatch(/^sha256:/);
});

test('an ordering key that equals the hash of a longer ordering key is hashed too, so that the two keys stay different', () => {
  const hashed = boundedKey('x'.repeat(300));
  expect(boundedKey(hashed)).not.toBe(hashed);
});

test('an ordering key that is not a string causes an error that names the type of the key', () => {
  expect(() => boundedKey(undefined)).toThrow('orderBy returned undefined: the key must be a string');
  expect(() => boundedKey(7)).toThrow('orderBy returned a number');
});
