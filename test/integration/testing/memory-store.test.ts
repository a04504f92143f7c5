import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { itemId } from '../../../lib/dynamodb/item.ts';
import { fromAttributes, type Attributes } from '../../../lib/dynamodb/value.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import type { Decision } from '../../../lib/inbox/decision.ts';
import type { CommitResult, Entry, Inbox } from '../../../lib/inbox/inbox.ts';
import { describeError } from '../../../lib/runtime/errors.ts';
import { emptyStore, memoryPorts, type MemoryStore } from '../../../lib/testing/memory-store.ts';
import { firstAttempt } from '../../support/delivery.ts';
import { anyItems, entries, initial, BOOKS } from '../../support/effect-arbitraries.ts';
import { openStore, type TestStore } from '../../support/store.ts';
import { numRuns } from '../../support/thorough.ts';

const QUEUE = 'loans';
const never = new AbortController().signal;

let store: TestStore;
let run = 0;
beforeAll(async () => {
  store = await openStore();
});
afterAll(() => store.close());

/**
 * Adds `prefix` to the id of a message and to the keys of its DynamoDB items, so that different runs do not share
 * items.
 */
function moved({ id, decision, ...entry }: Entry, prefix: string): Entry {
  const move = (each: Decision): Decision => ({
    ...each,
    effects: each.effects.map((effect) => ({ ...effect, key: { isbn: `${prefix}${effect.key['isbn']}` } })),
    otherwise: each.otherwise && { ...each.otherwise, ...move(each.otherwise) },
  });
  return { ...entry, id: `${prefix}${id}` as MessageId, decision: move(decision) };
}

/** Returns the result of a commit without the error texts, which differ between DynamoDB and the in-memory store. */
function essence(result: CommitResult | undefined): string {
  if (result === undefined) return 'no result';
  if ('error' in result) return `${result.is} ${describeError(result.error).code}`;
  return 'marker' in result && 'reason' in result.marker ? `${result.is} ${result.marker.reason}` : result.is;
}

async function give(memory: MemoryStore, item: Attributes): Promise<void> {
  const key = { isbn: item['isbn']! };
  memory.items.set(itemId(anyItems.name, key), { table: anyItems.name, item });
  await store.put(anyItems.name, item);
}

interface Contents {
  readonly results: readonly string[];
  readonly items: readonly unknown[];
}

/** Commits messages one after another, both to the in-memory store and to DynamoDB. */
async function commitInBoth(
  memory: MemoryStore,
  list: readonly Entry[],
  isbns: readonly string[],
): Promise<{ inMemory: Contents; inDynamoDb: Contents }> {
  const keys = isbns.map((isbn) => ({ isbn: { S: isbn } }));
  const commitAll = async (inbox: Inbox, get: (key: Attributes) => Promise<Attributes | undefined>) => {
    const results: string[] = [];
    for (const entry of list) {
      const [result] = await inbox.commit(QUEUE, [entry], never);
      results.push(essence(result));
    }
    const items = await Promise.all(keys.map(get));
    return { results, items: items.map((item) => item && fromAttributes(item)) };
  };
  return {
    inMemory: await commitAll(
      memoryPorts(memory, store.clock).inbox,
      async (key) => memory.items.get(itemId(anyItems.name, key))?.item,
    ),
    inDynamoDb: await commitAll(store.inbox(), (key) => store.get(anyItems.name, key)),
  };
}

test('the in-memory store commits random decisions with every kind of effect and condition as DynamoDB does', async () => {
  await fc.assert(
    fc.asyncProperty(entries(25), initial, async (list, loans) => {
      const prefix = `${++run}-`;
      const memory = emptyStore();
      for (const [isbn, available] of Object.entries({ ...loans, text: 'many' }))
        await give(memory, {
          isbn: { S: prefix + isbn },
          available: typeof available === 'string' ? { S: available } : { N: String(available) },
        });
      const { inMemory, inDynamoDb } = await commitInBoth(
        memory,
        list.map((entry) => moved(entry, prefix)),
        BOOKS.map((isbn) => prefix + isbn),
      );
      expect(inMemory).toEqual(inDynamoDb);
    }),
    { numRuns: numRuns({ everyday: 20, thorough: 100 }) },
  );
}, 300_000);

test('additions to fractions and large numbers have the same results in the in-memory store as in DynamoDB', async () => {
  const stored = fc.oneof(
    fc.integer({ min: -1_000_000, max: 1_000_000 }).map((number) => number / 1_000),
    fc.maxSafeInteger(),
    fc.constantFrom(0.1, 2.3, 1e21, -5e-7),
  );
  await fc.assert(
    fc.asyncProperty(
      stored,
      fc.array(fc.integer({ min: -(2 ** 46), max: 2 ** 46 }), { maxLength: 4 }),
      async (first, added) => {
        const isbn = `${++run}-number`;
        const memory = emptyStore();
        const decisions: Decision[] = [
          { effects: [anyItems.put({ isbn }, { available: first })] },
          ...added.map((by) => ({ effects: [anyItems.add({ isbn }, 'available', by, { atLeast: -1_000 })] })),
        ];
        const list = decisions.map((decision, index): Entry => {
          return { ...firstAttempt, id: `${isbn}${index}` as MessageId, payloadHash: 'hash', decision };
        });
        const { inMemory, inDynamoDb } = await commitInBoth(memory, list, [isbn]);
        expect(inMemory).toEqual(inDynamoDb);
      },
    ),
    { numRuns: numRuns({ everyday: 20, thorough: 100 }) },
  );
}, 120_000);
