import { describe, expect, test } from '@jest/globals';

import { canonical, hashOf } from '../../../lib/http/idempotency/canonical.ts';
import { idempotencyKey } from '../../../lib/http/idempotency/idempotency-key.ts';

const keyOf = (header?: string) =>
  idempotencyKey({ headers: header === undefined ? {} : { 'idempotency-key': header } });

describe('an Idempotency-Key', () => {
  test('an Idempotency-Key with quotes counts as the same key as one without quotes', () => {
    expect(keyOf('8e03978e-40d5')).toBe('8e03978e-40d5');
    expect(keyOf(' "8e03978e-40d5" ')).toBe('8e03978e-40d5');
    expect(keyOf('"a \\"b\\" \\\\ c"')).toBe('a "b" \\ c');
  });

  test.each([undefined, '', '   ', '""'])('the Idempotency-Key %p counts as missing', (header) => {
    expect(() => keyOf(header)).toThrow(expect.objectContaining({ problem: 'missing-idempotency-key' }));
  });

  test.each(['"open', '"a", "b"', '"a\\x"', 'grün', 'a\tb', 'x'.repeat(256)])(
    'the Idempotency-Key %p is invalid',
    (header) => {
      expect(() => keyOf(header)).toThrow(expect.objectContaining({ problem: 'invalid-idempotency-key' }));
    },
  );

  test('an Idempotency-Key may have 255 characters', () => {
    expect(keyOf('x'.repeat(255))).toHaveLength(255);
  });
});

test('reordering the fields does not change the payload hash, but reordering list items or changing a value does', () => {
  const a = {
    customerId: 'c',
    items: [
      { isbn: 's', quantity: 1 },
      { isbn: 't', quantity: 2 },
    ],
  };
  const b = {
    items: [
      { quantity: 1, isbn: 's' },
      { quantity: 2, isbn: 't' },
    ],
    customerId: 'c',
  };
  expect(JSON.stringify(canonical(a))).toBe(JSON.stringify(canonical(b)));
  expect(hashOf(a)).toBe(hashOf(b));
  expect(hashOf(a)).not.toBe(hashOf({ ...a, items: a.items.toReversed() }));
  expect(hashOf(a)).not.toBe(hashOf({ ...a, customerId: 'd' }));
});
