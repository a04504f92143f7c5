import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { tables } from '../../../infra/tables.ts';
import type { Add, Decision } from '../../../lib/inbox/decision.ts';
import type { Entry, Inbox } from '../../../lib/inbox/inbox.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { place, processAll, type Model } from '../../support/inbox-model.ts';
import { openStore, type TestStore } from '../../support/store.ts';
import { firstAttempt } from '../../support/first-attempt.ts';
import { numRuns } from '../../support/thorough.ts';

const QUEUE = 'stock';
const never = new AbortController().signal;

let store: TestStore;
let transactions = 0;
beforeAll(async () => {
  store = await openStore();
  store.client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        if (commandName === 'TransactWriteItemsCommand') transactions += 1;
        return next(args);
      },
    { step: 'initialize', name: 'count' },
  );
});
afterAll(() => store.close());

let number = 0;
const entry = (decision: Decision): Entry => ({
  ...firstAttempt,
  id: `m${++number}` as MessageId,
  payloadHash: 'h',
  decision,
});

const take = (sku: string, pieces = 1): Decision => ({
  effects: [{ kind: 'add', table: tables.stock, key: { sku }, attribute: 'available', by: -pieces, atLeast: 0 }],
  otherwise: { outcome: 'rejected', reason: 'OUT_OF_STOCK', effects: [] },
});

const stockOf = async (sku: string) => Number((await store.get('stock', { sku: { S: sku } }))?.available?.N ?? 0);
const setStock = (sku: string, available: number) =>
  store.put('stock', { sku: { S: sku }, available: { N: String(available) } });

async function commit(inbox: Inbox, decisions: readonly Decision[]): Promise<{ is: string[]; requests: number }> {
  const before = transactions;
  const results = await inbox.commit(QUEUE, decisions.map(entry), never);
  return { is: results.map(({ is }) => is), requests: transactions - before };
}

describe('what was sold out in the batch before', () => {
  test('is rejected in one transaction', async () => {
    const inbox = store.inbox();
    await setStock('gone', 1);
    const orders = [take('gone'), take('gone'), take('gone')];
    expect(await commit(inbox, orders)).toEqual({ is: ['completed', 'rejected', 'rejected'], requests: 2 });
    // What was left then is gone by now, which one more cancellation shows.
    expect(await commit(inbox, orders)).toEqual({ is: ['rejected', 'rejected', 'rejected'], requests: 2 });
    expect(await commit(inbox, orders)).toEqual({ is: ['rejected', 'rejected', 'rejected'], requests: 1 });
    expect(await stockOf('gone')).toBe(0);
  });

  test('is not rejected once there is more of it', async () => {
    const inbox = store.inbox();
    await setStock('back', 0);
    await commit(inbox, [take('back')]);
    await setStock('back', 2);
    expect((await commit(inbox, [take('back'), take('back'), take('back')])).is).toEqual([
      'completed',
      'completed',
      'rejected',
    ]);
    await setStock('back', 1_000);
    expect((await commit(inbox, [take('back'), take('back')])).is).toEqual(['completed', 'completed']);
    // Plenty is left: nothing is presumed any more.
    expect(await commit(inbox, [take('back'), take('back')])).toEqual({ is: ['completed', 'completed'], requests: 1 });
    expect(await stockOf('back')).toBe(996);
  });

  test('fails where the rule names no alternative, and not longer than it must', async () => {
    const inbox = store.inbox();
    await setStock('strict', 0);
    const { effects } = take('strict');
    expect((await commit(inbox, [{ effects }])).is).toEqual(['failed']);
    await setStock('strict', 1);
    expect((await commit(inbox, [{ effects }, { effects }])).is).toEqual(['completed', 'failed']);
    expect(await stockOf('strict')).toBe(0);
  });
});

test('a message that comes again is known as such also where its item is presumed to be gone', async () => {
  const inbox = store.inbox();
  const outcomes = async (...entries: Entry[]) => (await inbox.commit(QUEUE, entries, never)).map(({ is }) => is);
  await setStock('again', 1);
  const { effects } = take('again');
  const first = entry({ effects });
  expect(await outcomes(first, entry(take('again')))).toEqual(['completed', 'rejected']);
  expect(await outcomes(entry(take('again')))).toEqual(['rejected']);
  expect(await outcomes(first, entry(take('again')))).toEqual(['duplicate', 'rejected']);
  expect(await outcomes(entry(take('again')), { ...first, payloadHash: 'other' })).toEqual(['rejected', 'mismatch']);
});

test('batch after batch on one inbox ends as its messages would one by one, whatever others do in between', async () => {
  const sku = fc.constantFrom('a', 'b', 'c');
  const add = fc
    .record({ sku, by: fc.integer({ min: -3, max: 2 }), atLeast: fc.option(fc.integer({ min: -2, max: 2 })) })
    .map(({ sku, by, atLeast }): Add => {
      const to = { kind: 'add', table: tables.stock, key: { sku }, attribute: 'available', by } as const;
      return atLeast === null ? to : { ...to, atLeast };
    });
  const effects = fc.array(add, { minLength: 1, maxLength: 2 });
  const decision = fc.record({ effects, instead: fc.option(effects) }).map(({ effects, instead }): Decision => ({
    effects,
    ...(instead && { otherwise: { outcome: 'rejected' as const, reason: 'NO', effects: instead } }),
  }));
  const restock = fc.option(fc.record({ sku, available: fc.nat({ max: 6 }) }));
  /** Which of all earlier messages comes again, and whether under another payload. */
  const again = fc.record({ place: fc.nat(), isOther: fc.boolean() });
  const step = fc.record({
    restock,
    decisions: fc.array(decision, { minLength: 1, maxLength: 12 }),
    agains: fc.array(again, { maxLength: 4 }),
  });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 6 }), async (steps) => {
      const to = `p${++run}-`;
      const inbox = store.inbox();
      const model: Model = { items: new Map(), done: new Map() };
      const move = ({ effects, otherwise }: Decision): Decision => ({
        effects: effects.map((effect) => ({ ...effect, key: { sku: to + String(effect.key['sku']) } })),
        ...(otherwise && { otherwise: { ...otherwise, ...move(otherwise) } }),
      });
      const earlier: Entry[] = [];
      for (const { restock, decisions, agains } of steps) {
        if (restock) {
          await setStock(to + restock.sku, restock.available);
          const key = { sku: to + restock.sku };
          model.items.set(place('stock', key), { ...key, available: restock.available });
        }
        const repeated = new Map(
          earlier.length === 0
            ? []
            : agains.map(({ place, isOther }) => {
                const one = earlier[place % earlier.length]!;
                return [one.id, isOther ? { ...one, payloadHash: 'other' } : one];
              }),
        );
        const fresh = decisions.map((each) => entry(move(each)));
        // Between the others, where who takes an item first matters.
        const entries = [...fresh.slice(0, 2), ...repeated.values(), ...fresh.slice(2)];
        earlier.push(...fresh);
        const results = await inbox.commit(QUEUE, entries, never);
        expect(results.map(({ is }) => is)).toEqual(processAll(model, entries));
        for (const name of ['a', 'b', 'c'])
          expect(await stockOf(to + name)).toBe(model.items.get(place('stock', { sku: to + name }))?.available ?? 0);
      }
    }),
    { numRuns: numRuns({ everyday: 15, thorough: 60 }) },
  );
}, 300_000);
