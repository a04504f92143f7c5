import { expect, test } from '@jest/globals';

import { boundedKey } from '../../../lib/ordering/sequences.ts';

test('a short key is stored as it is, the empty one included', () => {
  expect(boundedKey('')).toBe('');
  expect(boundedKey('customer 1')).toBe('customer 1');
  expect(boundedKey('é'.repeat(128))).toBe('é'.repeat(128));
});

test('a key of more than 256 bytes is stored as its hash, and different keys have different hashes', () => {
  const [one, other] = ['x'.repeat(5_000_000), `${'x'.repeat(4_999_999)}y`].map(boundedKey);
  expect(one).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(other).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(one).not.toBe(other);
  expect(boundedKey('é'.repeat(129))).toMatch(/^sha256:/);
});

test('keys that UTF-8 cannot write stay different: DynamoDB would make them the same', () => {
  expect(boundedKey('\ud800')).not.toBe(boundedKey('\ud801'));
  expect(boundedKey('\ud800')).toMatch(/^sha256:/);
});

test('a key that looks like a hash is hashed, so that it is nobody else’s', () => {
  const hashed = boundedKey('x'.repeat(300));
  expect(boundedKey(hashed)).not.toBe(hashed);
});

test('a key that is no string is an error that says so', () => {
  expect(() => boundedKey(undefined)).toThrow('orderBy gave a undefined: the key must be a string');
  expect(() => boundedKey(7)).toThrow('orderBy gave a number');
});
