import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fromAttributes } from '../../../lib/dynamodb/value.ts';
import type { Decision } from '../../../lib/inbox/decision.ts';
import type { CommitResult, Entry } from '../../../lib/inbox/inbox.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { anyItems, entries, initial, BOOKS } from '../../support/effect-arbitraries.ts';
import { place, processAll } from '../../support/inbox-model.ts';
import type { Model } from '../../support/inbox-model.ts';
import { openStore } from '../../support/store.ts';
import type { TestStore } from '../../support/store.ts';
import { answerLost, cancelled, faultsOf, serverError, throttled } from '../../support/store-faults.ts';
import { numRuns } from '../../support/thorough.ts';

const QUEUE = 'loans';
const never = new AbortController().signal;
const retryPolicy = { attempts: 20, conflicts: 40, firstDelayMs: 0.1, maxDelayMs: 0.2 };

let store: TestStore;
let run = 0;
beforeAll(async () => {
  store = await openStore();
});
afterAll(() => store.close());

const batch = fc.oneof({ weight: 4, arbitrary: entries(25) }, { weight: 1, arbitrary: entries(160) });

function moved(list: readonly Entry[], to: string): Entry[] {
  const move = (each: Decision): Decision => ({
    ...each,
    effects: each.effects.map((effect) => {
      const key = Object.fromEntries(Object.entries(effect.key).map(([name, value]) => [name, `${to}${value}`]));
      return { ...effect, key };
    }),
    otherwise: each.otherwise && { ...each.otherwise, ...move(each.otherwise) },
  });
  return list.map((entry) => ({ ...entry, id: `${to}${entry.id}` as MessageId, decision: move(entry.decision) }));
}

async function prepare(loans: Record<string, number | undefined>, to: string): Promise<Model> {
  const model: Model = { items: new Map(), done: new Map() };
  for (const [isbn, available] of Object.entries({ ...loans, text: 'many' })) {
    if (available === undefined) continue;
    const item = { isbn: to + isbn, available };
    model.items.set(place('loans', { isbn: item.isbn }), item);
    const value = typeof available === 'number' ? { N: String(available) } : { S: available };
    await store.put('loans', { isbn: { S: item.isbn }, available: value });
  }
  return model;
}

async function contents(to: string): Promise<Model['items']> {
  const items: Model['items'] = new Map();
  await Promise.all(
    BOOKS.map(async (isbn) => {
      const key = { isbn: to + isbn };
      const item = await store.get(anyItems.name, { isbn: { S: key.isbn } });
      if (item !== undefined) items.set(place(anyItems.name, key), fromAttributes(item));
    }),
  );
  return items;
}

const unmoved = (items: Model['items'], to: string) =>
  new Map(
    [...items].map(([at, item]) => [at.replaceAll(to, ''), { ...item, isbn: String(item['isbn']).slice(to.length) }]),
  );

async function markers(list: readonly Entry[], to: string) {
  const found = await store.inbox().find(
    QUEUE,
    list.map(({ id }) => id),
  );
  return [...found.values()]
    .filter((marker) => marker.state !== 'leased' && marker.state !== 'unreadable')
    .map(({ id, state, payloadHash }) => `${id.slice(to.length)} ${state} ${payloadHash}`)
    .toSorted();
}

const isPerformed = ({ id }: Entry) => Number(id.slice(id.lastIndexOf('m') + 1)) % 2 === 1;

/**
 * Takes a lease on each odd-numbered message, as a consumer with a `perform` function does. The other messages have no
 * lease, as with a `decide` function.
 */
async function leased(list: readonly Entry[]): Promise<Entry[]> {
  const { leases } = store.ports();
  const owned = list.map((entry) =>
    isPerformed(entry) ? { ...entry, leaseOwner: `the owner of ${entry.id}` } : entry,
  );
  await Promise.all(
    owned.map(async ({ leaseOwner: owner, ...entry }) => {
      if (owner !== undefined) await leases.take(QUEUE, { ...entry, owner, durationMs: 60_000 });
    }),
  );
  return owned;
}

async function compare(
  list: readonly Entry[],
  loans: Record<string, number | undefined>,
  check: (grouped: CommitResult['is'][], expected: CommitResult['is'][]) => void,
): Promise<void> {
  const groupedTo = `${++run}g-`;
  const singleTo = `${run}s-`;
  const model = await prepare(loans, groupedTo);
  const together = await leased(moved(list, groupedTo));
  const expected = processAll(model, together);
  check(
    (await store.inbox({ retryPolicy }).commit(QUEUE, together, never)).map(({ is }) => is),
    expected,
  );

  await prepare(loans, singleTo);
  const single = await leased(moved(list, singleTo));
  const plan = currentFaults?.pause();
  for (const [n, entry] of single.entries()) {
    const [result] = await store.inbox({ retryPolicy }).commit(QUEUE, [entry], never);
    expect(result?.is).toBe(expected[n]);
  }
  plan?.();
  const modelled = unmoved(model.items, groupedTo);
  expect(unmoved(await contents(groupedTo), groupedTo)).toEqual(modelled);
  expect(unmoved(await contents(singleTo), singleTo)).toEqual(modelled);
  expect(await markers(together, groupedTo)).toEqual(await markers(single, singleTo));
  expect(await markers(together, groupedTo)).toHaveLength(model.done.size);
}

let currentFaults: { pause(): () => void } | undefined;

test('committing a batch as a whole gives the same results and writes the same items as committing the messages of the batch one by one', async () => {
  await fc.assert(
    fc.asyncProperty(batch, initial, (list, loans) =>
      compare(list, loans, (grouped, expected) => expect(grouped).toEqual(expected)),
    ),
    { numRuns: numRuns({ everyday: 12, thorough: 50 }) },
  );
}, 300_000);

test('lost replies, server errors, throttling and transaction conflicts do not change the items that a batch writes, and no message is applied twice', async () => {
  const fault = fc.constantFrom('none', 'lost', 'error', 'throttled', 'conflict', 'item throttled', 'internal');
  const faults = faultsOf(store.client);
  await fc.assert(
    fc.asyncProperty(batch, initial, fc.array(fault, { maxLength: 12 }), async (list, loans, plan) => {
      let next = 0;
      const planned: typeof faults.plan = (input) => {
        const positions = [next % (input.TransactItems?.length ?? 1)];
        switch (plan[next++]) {
          case 'lost':
            return answerLost();
          case 'error':
            return serverError();
          case 'throttled':
            return throttled();
          case 'conflict':
            return cancelled('TransactionConflict', positions, input);
          case 'item throttled':
            return cancelled('ThrottlingError', positions, input);
          case 'internal':
            return cancelled('InternalServerError', positions, input);
        }
        return undefined;
      };
      faults.plan = planned;
      currentFaults = { pause: () => ((faults.plan = () => undefined), () => (faults.plan = planned)) };
      await compare(list, loans, (grouped, expected) => {
        for (const [n, is] of grouped.entries()) {
          // After a lost reply, a message may be a duplicate of itself, and a message that would fail may stay unfinished.
          const allowed: Record<CommitResult['is'], CommitResult['is'][]> = {
            completed: ['completed', 'duplicate'],
            rejected: ['rejected', 'duplicate'],
            duplicate: ['duplicate', 'completed', 'rejected'],
            mismatch: ['mismatch'],
            parked: [],
            failed: ['failed', 'unfinished'],
            unfinished: [],
          };
          expect(allowed[expected[n]!]).toContain(is);
        }
      });
    }),
    { numRuns: numRuns({ everyday: 12, thorough: 50 }) },
  );
  faults.remove();
  currentFaults = undefined;
}, 300_000);
