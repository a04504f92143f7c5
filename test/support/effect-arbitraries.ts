import fc from 'fast-check';

import type { When } from '../../lib/dynamodb/conditions.ts';
import type { Effect, Item } from '../../lib/dynamodb/effects.ts';
import { Table } from '../../lib/dynamodb/tables.ts';
import type { MessageId } from '../../lib/events/message-id.ts';
import type { Alternative, Decision } from '../../lib/inbox/decision.ts';
import type { Entry } from '../../lib/inbox/inbox.ts';

/** The DynamoDB table `loans` without a schema, which accepts attributes of every type. */
export const anyItems = new Table({ name: 'loans', key: { isbn: 'S' } });

/** The keys of the DynamoDB items that the generated effects write. */
export const BOOKS = ['a', 'b', 'c', 'text'] as const;

const key = fc
  .oneof({ weight: 12, arbitrary: fc.constantFrom('a', 'b', 'c') }, { weight: 1, arbitrary: fc.constant('text') })
  .map((isbn) => ({ isbn }));

const status = fc.constantFrom('new', 'paid', 'packed');
const small = fc.integer({ min: -4, max: 4 });
const tags = fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { minLength: 1 }).map((members) => new Set(members));
const numbers = fc.uniqueArray(fc.constantFrom(1, 2.5, -3), { minLength: 1 }).map((members) => new Set(members));
const details = fc.constantFrom(
  { at: { x: 1, y: [0.25, null, true] } },
  { at: { x: 2, y: [] } },
  { names: ['a', { b: 'c' }] },
);
const element = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('x', 'y', 1, null) },
  { weight: 2, arbitrary: details },
  { weight: 1, arbitrary: fc.constant('x'.repeat(150_000)) },
);
const elements = fc.array(element, { maxLength: 2 });

/**
 * Generates the attributes of a DynamoDB item. About one value in ten has a wrong type or is undefined, and therefore
 * some effects fail.
 */
const attributes = fc.record<Item>(
  {
    available: fc.oneof({ weight: 9, arbitrary: small }, { weight: 1, arbitrary: fc.constant('many') }),
    status: fc.oneof({ weight: 9, arbitrary: status }, { weight: 1, arbitrary: fc.constant(undefined) }),
    details: fc.oneof({ weight: 4, arbitrary: details }, { weight: 1, arbitrary: fc.constant(undefined) }),
    lines: fc.oneof({ weight: 9, arbitrary: elements }, { weight: 1, arbitrary: fc.constant(undefined) }),
    tags,
  },
  { requiredKeys: [] },
);

const conditions: fc.Arbitrary<When> = fc.oneof(
  fc
    .oneof(
      status.map((equals) => ({ equals })),
      fc.uniqueArray(status, { minLength: 1 }).map((oneOf) => ({ oneOf })),
      fc.constantFrom('n', 'pa').map((beginsWith) => ({ beginsWith })),
      fc.constantFrom('ai', 'ew').map((contains) => ({ contains })),
      status.map((atMost) => ({ atMost })),
      fc.boolean().map((exists) => ({ exists })),
    )
    .map((condition) => ({ status: condition })),
  fc
    .oneof(
      small.map((lessThan) => ({ lessThan })),
      small.map((atMost) => ({ atMost })),
      small.map((greaterThan) => ({ greaterThan })),
      fc.tuple(small, small).map(([atLeast, atMost]) => ({ atLeast, atMost })),
    )
    .map((condition) => ({ available: condition })),
  details.map((equals) => ({ details: { equals } })),
  fc.constantFrom<any>('x', 1).map((contains) => ({ lines: { contains } })),
  fc.constantFrom('x', 'y').map((contains) => ({ tags: { contains } })),
);
const when: fc.Arbitrary<When> = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom('exists' as const, 'absent' as const) },
  { weight: 4, arbitrary: conditions },
);
const conditional = <E extends Effect>(effect: fc.Arbitrary<E>): fc.Arbitrary<E> =>
  fc
    .tuple(effect, fc.option(when, { nil: undefined, freq: 1 }))
    .map(([one, condition]) => ({ ...one, when: condition }));

const add = fc
  .tuple(
    key,
    fc.constantFrom('available', 'reserved'),
    fc.integer({ min: -4, max: 3 }),
    fc.option(fc.integer({ min: -3, max: 3 }), { nil: undefined }),
  )
  .map(([at, attribute, by, atLeast]) => anyItems.add(at, attribute, by, { atLeast }));
const set = fc
  .tuple(
    key,
    attributes.filter((given) => Object.keys(given).length > 0),
  )
  .map(([at, given]) => anyItems.set(at, given));
const put = fc
  .tuple(key, attributes, fc.integer({ min: 0, max: 30 }))
  .map(([at, given, number]) => anyItems.put(at, { ...given, ...(number === 0 && { body: 'x'.repeat(350_000) }) }));
const append = fc
  .oneof(
    { weight: 6, arbitrary: elements.map((lines): Item => ({ lines })) },
    { weight: 4, arbitrary: tags.map((members): Item => ({ tags: members })) },
    { weight: 3, arbitrary: numbers.map((members): Item => ({ numbers: members })) },
    { weight: 2, arbitrary: fc.tuple(elements, tags).map(([lines, members]): Item => ({ lines, tags: members })) },
    { weight: 1, arbitrary: numbers.map((members): Item => ({ tags: members })) },
    { weight: 1, arbitrary: elements.map((lines): Item => ({ status: lines })) },
  )
  .chain((given) => key.map((at) => anyItems.append(at, given)));
const check = fc.tuple(key, when).map(([at, condition]) => anyItems.check(at, condition));

const effect: fc.Arbitrary<Effect> = fc.oneof(
  { weight: 6, arbitrary: add },
  { weight: 2, arbitrary: conditional(add) },
  { weight: 3, arbitrary: set },
  { weight: 2, arbitrary: conditional(set) },
  { weight: 3, arbitrary: append },
  { weight: 1, arbitrary: conditional(append) },
  { weight: 3, arbitrary: check },
  { weight: 2, arbitrary: conditional(put) },
  { weight: 1, arbitrary: key.chain((at) => conditional(fc.constant(anyItems.delete(at)))) },
);
const effects = fc.array(effect, { maxLength: 3 });

const { decision } = fc.letrec<{ decision: Decision; alternative: Alternative }>((tie) => ({
  decision: fc.record(
    {
      effects,
      outcome: fc.constantFrom('rejected' as const, 'completed' as const),
      otherwise: fc.option(tie('alternative'), { nil: undefined, depthSize: 'small' }),
    },
    { requiredKeys: ['effects'] },
  ),
  alternative: fc.record(
    {
      effects,
      outcome: fc.constantFrom('rejected' as const, 'completed' as const),
      reason: fc.constant('no'),
      otherwise: fc.option(tie('alternative'), { nil: undefined, depthSize: 'small' }),
    },
    { requiredKeys: ['effects', 'outcome', 'reason'] },
  ),
}));

/**
 * Generates up to `maximum` messages, each with the decision that a business rule would return for it. Several messages
 * can have the same id.
 */
export const entries = (maximum: number): fc.Arbitrary<Entry[]> =>
  fc.array(
    fc.record<Entry>({
      redrives: fc.constant(0),
      attempt: fc.constant(1),
      id: fc.nat({ max: maximum * 2 }).map((n) => `m${n}` as MessageId),
      payloadHash: fc.oneof({ weight: 9, arbitrary: fc.constant('h1') }, { weight: 1, arbitrary: fc.constant('h2') }),
      decision,
    }),
    { minLength: 1, maxLength: maximum, size: 'max' },
  );

export const initial = fc.record({ a: fc.nat({ max: 12 }), b: fc.nat({ max: 4 }) }, { requiredKeys: [] });
