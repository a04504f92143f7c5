import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';

import { defineTable } from '../../../lib/dynamodb/tables.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import { emit, reject, type Decision } from '../../../lib/inbox/decision.ts';
import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { testConsumer } from '../../../lib/testing/test-consumer.ts';

const things = defineTable({ name: 'decided-things', key: { id: 'S' } });
const schema = z.object({ n: z.int() });
const asked = defineEvent({ type: 'thing.asked', version: 1, exchange: 'things', schema });
const answered = defineEvent({ type: 'thing.answered', version: 1, exchange: 'things', schema });
const queue = workQueue('decided-things', { delays: ['1s'] });

/**
 * Delivers two messages in one batch. The business rule returns `decision` for the first message, and no effects for
 * the second.
 */
async function decided(decision: unknown) {
  const consumer = testConsumer({
    queue,
    event: asked,
    decide: ({ n }) => (n === 1 ? (decision as Decision) : { effects: [] }),
  });
  const [one, other] = await consumer.receiveBatch([emit(asked, { n: 1 }), emit(asked, { n: 2 })]);
  expect(other).toMatchObject({ outcome: 'completed', settlement: 'acknowledged' });
  return { received: one!, stored: consumer.items(things) };
}

const effects = [things.set({ id: 'x' }, { a: 1 })];
const following = (event: object, data: unknown = { n: 1 }) => ({
  effects,
  events: [{ event: { ...answered, ...event }, data }],
});
const itself: Record<string, unknown> = { effects, outcome: 'rejected', reason: 'a' };
itself['otherwise'] = itself;

const invalid: readonly (readonly [string, unknown, string])[] = [
  ['an unknown outcome', { effects, outcome: 'ok' }, 'the outcome is "ok": it must be "completed" or "rejected"'],
  ['the outcome null', { effects, outcome: null }, 'the outcome is null'],
  ['a number as the reason', { effects, reason: 5 }, 'the reason is a number: it must be a string'],
  ['no effects', {}, 'the effects are undefined: they must be an array'],
  [
    'an effect that is undefined',
    { effects: [undefined] },
    'an effect is undefined; create the effect with a method of a table',
  ],
  ['a Set of follow-up events', { effects, events: new Set([emit(answered, { n: 1 })]) }, 'the events are an object'],
  ['a follow-up event that is undefined', { effects, events: [undefined] }, 'the decision cannot be written'],
  ['null as the alternative', { effects, otherwise: null }, 'the alternative is null instead of a decision'],
  ['an unknown outcome in the alternative', { effects, otherwise: { ...reject('x'), outcome: 1 } }, 'the outcome is 1'],
  ['itself as the alternative', itself, 'more than 99 alternatives, or contains itself'],
  ['a follow-up event without a type', following({ type: undefined }), 'a follow-up event has the type undefined'],
  ['a follow-up event without an exchange', following({ exchange: null }), 'and the exchange null'],
  ['a follow-up event whose version is a text', following({ version: '1' }), 'has the version "1"'],
  ['a follow-up event whose key is a number', following({ key: () => 5 }), 'is a number, not a string'],
  ['a follow-up event whose key is null', following({ key: () => null }), 'is null, not a string'],
  [
    'a follow-up event whose key cannot be computed',
    following({
      key: () => {
        throw new Error('no key');
      },
    }),
    'the decision cannot be written: no key',
  ],
  ['a follow-up event whose data are a bigint', following({}, 5n), 'the decision cannot be written'],
];

describe.each(invalid)('a decision with %s', (_, decision, reason) => {
  test('a message with an invalid decision is dead-lettered at once with INVALID_EFFECT, without effects, and no other message is affected', async () => {
    const { received, stored } = await decided(decision);
    expect(received).toMatchObject({ outcome: 'dead-letter', reason: 'INVALID_EFFECT', settlement: 'dead-lettered' });
    expect(received.error).toContain(reason);
    expect(stored).toEqual([]);
  });
});

test('a follow-up event contains the data that the business rule returned, even if the data change before the publish', async () => {
  let reads = 0;
  const data = {
    toJSON() {
      reads += 1;
      if (reads > 1) throw new Error('the event data was converted to JSON twice; expected one conversion');
      return { n: 7 };
    },
  };
  const { received } = await decided(following({}, data));
  expect(received).toMatchObject({ outcome: 'completed', events: [{ data: { n: 7 } }] });
});

test('a nested property named __proto__ is stored and read as a property', async () => {
  const nested = JSON.parse('{"m":{"__proto__":{"a":1},"b":2}}');
  const { stored } = await decided({ effects: [things.put({ id: 'x' }, nested)] });
  expect(JSON.stringify(stored)).toBe('[{"m":{"__proto__":{"a":1},"b":2},"id":"x"}]');
});

test('an attribute whose name every JavaScript object inherits, such as toString, is written like any other attribute', async () => {
  const { received, stored } = await decided({
    effects: [things.add({ id: 'x' }, 'constructor', 2), things.set({ id: 'y' }, { toString: 'text' })],
  });
  expect(received).toMatchObject({ outcome: 'completed' });
  expect(stored).toMatchObject([{ constructor: 2 }, { toString: 'text' }]);
});
