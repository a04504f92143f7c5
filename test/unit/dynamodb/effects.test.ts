import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';

import type { Effect } from '../../../lib/dynamodb/effects.ts';
import { defineTable, Table } from '../../../lib/dynamodb/tables.ts';
import { fromAttributes, toMap } from '../../../lib/dynamodb/value.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { toCandidate } from '../../../lib/inbox/candidate.ts';
import type { CodedError } from '../../../lib/runtime/errors.ts';
import { candidateOf } from '../../support/candidate.ts';
import { firstAttempt } from '../../support/delivery.ts';

const carts = defineTable({
  name: 'carts',
  key: { id: 'S', part: 'N' },
  item: z.object({
    state: z.enum(['open', 'paid']),
    total: z.number().optional(),
    lines: z.array(z.object({ price: z.number() })).optional(),
  }),
});
const anything = new Table({ name: 'things', key: { id: 'S' }, indexes: { newest: { at: 'N' } } });
const key = { id: 'a', part: 1 };

test('an effect does not compile if its key, its attribute or its condition does not fit the definition of its table', () => {
  const effects = [
    carts.add(key, 'total', 1, { when: { state: { oneOf: ['open'] }, total: { atLeast: 1 } } }),
    // @ts-expect-error the key has no attribute ident
    carts.add({ ident: 'a', part: 1 }, 'total', 1),
    // @ts-expect-error the sort key is a number
    carts.add({ id: 'a', part: '1' }, 'total', 1),
    // @ts-expect-error the table has no attribute totl
    carts.add(key, 'totl', 1),
    // @ts-expect-error a number cannot be added to the attribute state
    carts.add(key, 'state', 1),
    // @ts-expect-error the attribute state is missing
    carts.put(key, { total: 1 }),
    // @ts-expect-error the state closed does not exist
    carts.set(key, { state: 'closed' }),
    // @ts-expect-error the attribute total is neither a list nor a set
    carts.append(key, { total: [1] }),
    // @ts-expect-error a line has a price
    carts.append(key, { lines: [{ cost: 1 }] }),
    // @ts-expect-error the condition above does not exist
    carts.check(key, { total: { above: 1 } }),
    // @ts-expect-error a number does not begin with a text
    carts.delete(key, { when: { total: { beginsWith: 'x' } } }),
  ];
  expect(effects).toHaveLength(11);
});

/** Returns the code and the text of the error that the given effects cause, or `undefined` if the effects are valid. */
function refusal(...effects: unknown[]) {
  const decision = { effects: effects as Effect[] };
  const candidate = toCandidate({ ...firstAttempt, id: 'm' as MessageId, payloadHash: 'h', decision }, 'queue');
  if (!('error' in candidate)) return undefined;
  const { code, message } = candidate.error as CodedError;
  return `${code}: ${message}`;
}

describe('an effect that DynamoDB cannot store', () => {
  const on = 'the item {"id":"x"} of the table things';
  const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });
  const loop: Record<string, unknown> = {};
  loop['self'] = loop;
  const values: [string, unknown, string][] = [
    ['NaN', NaN, 'the attribute v cannot store the number NaN'],
    ['a number that is too large', 1e126, 'the attribute v cannot store the number 1e+126'],
    ['a bigint', 1n, 'the attribute v cannot store a bigint'],
    ['a function', () => 1, 'the attribute v cannot store a function'],
    ['a date', new Date(0), 'the attribute v cannot store an instance of Date'],
    ['a nested map of the type Map', { a: [new Map()] }, 'the attribute v.a[0] cannot store an instance of Map'],
    ['an undefined element', [1, undefined], 'the attribute v[1] cannot store undefined'],
    ['an empty Set', new Set(), 'the attribute v is an empty Set'],
    ['a Set of mixed members', new Set(['a', 1]), 'the attribute v is a Set that contains other members'],
    ['a property without a name', { '': 1 }, 'the attribute v. has an empty name'],
    ['33 nested maps', nested(33), 'nested more than 32 levels deep'],
    ['an array with a missing element', Array(2), 'the attribute v[0] cannot store undefined'],
    ['an object that contains itself', loop, 'nested more than 32 levels deep'],
  ];
  test.each(values)(
    'an effect that writes the value %s fails with INVALID_EFFECT and the name of the attribute',
    (_, v, reason) => {
      for (const effect of [
        { kind: 'put', table: anything, key: { id: 'x' }, item: { v } },
        { kind: 'set', table: anything, key: { id: 'x' }, attributes: { v } },
      ]) {
        const text = refusal(effect);
        expect(text).toMatch(`INVALID_EFFECT: ${effect.kind} on ${on}: the attribute v`);
        expect(text).toContain(reason);
      }
    },
  );

  const effects: [string, unknown[], string][] = [
    ['a missing table', [{ kind: 'add', key: {}, attribute: 'a', by: 1 }], 'an effect of kind add names no table'],
    ['no object', [undefined], 'an effect is undefined; create the effect with a method of a table'],
    [
      'an unknown kind',
      [{ kind: 'drop', table: anything, key: { id: 'x' } }],
      `drop on ${on} has the unknown kind drop`,
    ],
    [
      'a missing key',
      [anything.delete({} as { id: string })],
      'delete on the table things: the attribute id is missing in the key',
    ],
    [
      'a key of the wrong type',
      [anything.delete({ id: 7 as never })],
      'the attribute id is missing in the key or is not a string',
    ],
    ['an empty key', [anything.delete({ id: '' })], 'the attribute id is an empty string'],
    [
      'a partition key of more than 2,048 bytes',
      [anything.delete({ id: 'ü'.repeat(1_025) })],
      'the attribute id has 2050 bytes; DynamoDB accepts at most 2048 bytes in a partition key',
    ],
    [
      'a sort key of more than 1,024 bytes',
      [new Table({ name: 't', key: { id: 'S', at: 'S' } }).delete({ id: 'x', at: 'y'.repeat(1_025) })],
      'the attribute at has 1025 bytes; DynamoDB accepts at most 1024 bytes in a sort key',
    ],
    [
      'an empty text in the key of an index',
      [new Table({ name: 't', key: { id: 'S' }, indexes: { i: { shop: 'S' } } }).put({ id: 'x' }, { shop: '' })],
      'the attribute shop is an empty string',
    ],
    [
      'an attribute named __proto__',
      [anything.set({ id: 'x' }, JSON.parse('{"__proto__":{"a":1},"b":2}'))],
      'use another name',
    ],
    ['a put of __proto__', [anything.put({ id: 'x' }, JSON.parse('{"__proto__":{"a":1},"b":2}'))], 'use another name'],
    ['an attribute without a name', [anything.set({ id: 'x' }, { '': 1 })], 'has an attribute without a name'],
    [
      'an addition without an attribute',
      [{ kind: 'add', table: anything, key: { id: 'x' }, by: 1 }],
      'names undefined as the attribute',
    ],
    [
      'a further key attribute',
      [anything.delete({ id: 'x', b: 1 } as { id: string })],
      "the attribute b is not part of the table's key",
    ],
    ['another value of the key', [anything.put({ id: 'x' }, { id: 'y' })], 'the attribute id is part of the key'],
    ['an addition to the key', [anything.add({ id: 'x' }, 'id', 1)], 'the attribute id is part of the key'],
    ['the wrong type for an index', [anything.set({ id: 'x' }, { at: 'now' })], 'the attribute at must be a number'],
    ['a fraction in add', [anything.add({ id: 'x' }, 'n', 0.5)], 'the attribute n cannot add or compare 0.5'],
    [
      'an append to a text',
      [anything.append({ id: 'x' }, { s: 'text' })],
      'the attribute s is neither an array nor a Set',
    ],
    ...(['put', 'set', 'append'] as const).map((kind): [string, unknown[], string] => [
      `${kind} without attributes`,
      [anything[kind]({ id: 'x' }, undefined as never)],
      `${kind} on ${on} needs an object with attributes, not undefined`,
    ]),
    [
      'no key',
      [anything.delete(undefined as never)],
      'delete on the table things: the attribute id is missing in the key',
    ],
    [
      'a comparison with null',
      [anything.check({ id: 'x' }, { a: null as never })],
      'the attribute a is compared with undefined, or its condition has no test',
    ],
    ['an empty set effect', [anything.set({ id: 'x' }, {})], `set on ${on} sets no attribute`],
    ['a check without a condition', [anything.check({ id: 'x' }, {})], `check on ${on} checks no condition`],
    [
      'an unknown condition',
      [anything.check({ id: 'x' }, { a: { above: 1 } as never })],
      'the attribute a has the unknown condition above',
    ],
    [
      'a comparison with undefined',
      [anything.check({ id: 'x' }, { a: { equals: undefined } })],
      'the attribute a is compared with undefined',
    ],
    [
      'more than 100 values',
      [anything.check({ id: 'x' }, { a: { oneOf: Array.from({ length: 101 }, () => 1) as never } })],
      'oneOf, which needs 1 to 100 values',
    ],
    [
      'a put beside a set',
      [anything.set({ id: 'x' }, { a: 1 }), anything.put({ id: 'x' }, {})],
      'cannot be combined with another write',
    ],
    [
      'an attribute that is set twice',
      [anything.set({ id: 'x' }, { a: 1 }), anything.set({ id: 'x' }, { a: 1 })],
      'the attribute a is written twice',
    ],
    [
      'an item over 400 KB',
      [anything.append({ id: 'x' }, { lines: ['x'.repeat(410_000)] })],
      'a DynamoDB item holds at most 409600',
    ],
    [
      '70 attributes',
      [anything.set({ id: 'x' }, Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`a${n}`, n])))],
      'fit into one DynamoDB expression',
    ],
    [
      'a value that does not match the schema',
      [carts.set(key, { state: 'x' as never })],
      'the attribute state does not match the schema',
    ],
    [
      'a nested value that does not match the schema',
      [carts.append(key, { lines: [{ price: 'x' as never }] })],
      'the attribute lines[0].price does not match the schema',
    ],
    [
      'an attribute that the schema requires',
      [carts.put(key, {} as never)],
      'the attribute state does not match the schema',
    ],
    [
      'the removal of a required attribute',
      [carts.set(key, { state: undefined })],
      'the attribute state does not match the schema',
    ],
    [
      'an attribute that the schema does not have',
      [carts.set(key, { colour: 'red' } as never)],
      'the attribute colour is not in the schema of the table carts',
    ],
  ];
  test.each(effects)('a decision with %s fails with INVALID_EFFECT and the reason', (_, given, reason) => {
    expect(refusal(...given)).toMatch(/^INVALID_EFFECT: /);
    expect(refusal(...given)).toContain(reason);
  });

  test('a put effect accepts an item that also contains the key attributes, such as an item that was read from the table', () => {
    expect(refusal(carts.put(key, { ...key, state: 'open' }))).toBeUndefined();
  });
});

test('every value that an effect can write is unchanged when it is read back', () => {
  const item = {
    text: 'a',
    numbers: [0, -1, 0.1, 1e-130, 9.99e125, 2 ** 53],
    nested: { yes: true, no: false, nothing: null, list: [[], {}] },
    names: new Set(['a', 'b']),
    sizes: new Set([1, 2.5]),
  };
  expect(fromAttributes(toMap('', { ...item, gone: undefined }))).toEqual(item);
  expect(fromAttributes(toMap('', { text: 'a\ud800' }))).toEqual({ text: 'a\ufffd' });
});

test('reading an item that does not match the schema fails with the name of the attribute', () => {
  expect(() => carts.parse({ ...key, state: 'open', lines: [{ price: 'x' }] })).toThrow(
    expect.objectContaining({ attribute: 'lines[0].price' }),
  );
  expect(carts.parse({ ...key, state: 'open', total: 2 })).toEqual({ ...key, state: 'open', total: 2 });
});

test.each(['constructor', 'toString'])(
  'an effect stores an attribute with the name "%s", which JavaScript objects inherit as a property',
  (name) => {
    const attributes = Object.fromEntries([[name, 1]]);
    const decision = { effects: [anything.set({ id: 'a' }, attributes)] };
    const { branches } = candidateOf({ ...firstAttempt, id: 'm' as MessageId, payloadHash: 'h', decision }, 'queue');
    const [operation] = branches[0].operations;
    expect(operation).toMatchObject({ write: 'update', changes: new Map([[name, { is: 'set', value: { N: '1' } }]]) });
    expect(refusal(carts.set(key, attributes as never))).toContain('is not in the schema of the table carts');
  },
);
