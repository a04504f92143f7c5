import { describe, expect, test } from '@jest/globals';

import { canonical, hashOf } from '../../../lib/http/idempotency/canonical.ts';
import { idempotencyKey } from '../../../lib/http/idempotency/idempotency-key.ts';

const keyOf = (header?: string) =>
  idempotencyKey({ headers: header === undefined ? {} : { 'idempotency-key': header } });

describe('an Idempotency-Key', () => {
  test('is the same bare and quoted', () => {
    expect(keyOf('8e03978e-40d5')).toBe('8e03978e-40d5');
    expect(keyOf(' "8e03978e-40d5" ')).toBe('8e03978e-40d5');
    expect(keyOf('"a \\"b\\" \\\\ c"')).toBe('a "b" \\ c');
  });

  test.each([undefined, '', '   ', '""'])('%p is missing', (header) => {
    expect(() => keyOf(header)).toThrow(expect.objectContaining({ problem: 'missing-idempotency-key' }));
  });

  test.each(['"open', '"a", "b"', '"a\\x"', 'grün', 'a\tb', 'x'.repeat(256)])('%p cannot be used', (header) => {
    expect(() => keyOf(header)).toThrow(expect.objectContaining({ problem: 'invalid-idempotency-key' }));
  });

  test('may have 255 characters', () => {
    expect(keyOf('x'.repeat(255))).toHaveLength(255);
  });
});

test('a payload is the same whatever the order of its members, and another with another value', () => {
  const a = {
    customerId: 'c',
    items: [
      { sku: 's', quantity: 1 },
      { sku: 't', quantity: 2 },
    ],
  };
  const b = {
    items: [
      { quantity: 1, sku: 's' },
      { quantity: 2, sku: 't' },
    ],
    customerId: 'c',
  };
  expect(JSON.stringify(canonical(a))).toBe(JSON.stringify(canonical(b)));
  expect(hashOf(a)).toBe(hashOf(b));
  expect(hashOf(a)).not.toBe(hashOf({ ...a, items: a.items.toReversed() }));
  expect(hashOf(a)).not.toBe(hashOf({ ...a, customerId: 'd' }));
});
