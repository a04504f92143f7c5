import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { tables } from '../../support/example/tables.ts';
import type { When } from '../../../lib/dynamodb/conditions.ts';
import type { Decision } from '../../../lib/inbox/decision.ts';
import type { CommitResult, Entry } from '../../../lib/inbox/inbox.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import { deriveId } from '../../../lib/events/message-id.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { Table } from '../../../lib/dynamodb/tables.ts';
import { openStore } from '../../support/store.ts';
import type { TestStore } from '../../support/store.ts';
import { faultsOf } from '../../support/store-faults.ts';
import type { Faults } from '../../support/store-faults.ts';
import { firstAttempt } from '../../support/delivery.ts';

const QUEUE = 'loans';
const { library: orders } = tables;
const never = new AbortController().signal;

let store: TestStore;
let faults: Faults;
let run = 0;

beforeAll(async () => {
  store = await openStore();
});
beforeEach(() => {
  run++;
  faults = faultsOf(store.client);
});
afterEach(() => faults.remove());
afterAll(() => store.close());

const id = (name: string | number) => `${run}-${name}` as MessageId;
const isbn = (name: string | number) => ({ isbn: `${run}-${name}` });
const entry = (name: string | number, decision: Decision, payloadHash = 'hash'): Entry => ({
  ...firstAttempt,
  id: id(name),
  payloadHash,
  decision,
});
const take = (name: string | number, quantity: number) =>
  ({ kind: 'add', table: tables.loans, key: isbn(name), attribute: 'available', by: -quantity, atLeast: 0 }) as const;
const give = (name: string | number, quantity: number) =>
  ({ kind: 'add', table: tables.loans, key: isbn(name), attribute: 'available', by: quantity }) as const;
const soldOut: Decision['otherwise'] = { outcome: 'rejected', reason: 'sold out', effects: [] };
const shelved = (name: string | number, available: number) =>
  store.put('loans', { isbn: { S: isbn(name).isbn }, available: { N: String(available) } });
const available = async (name: string | number) =>
  (await store.get('loans', { isbn: { S: isbn(name).isbn } }))?.['available']?.N;
const outcomes = (results: CommitResult[]) => results.map(({ is }) => is);
const codeOf = (result: CommitResult | undefined) => (result as { error?: { code?: string } }).error?.code;
const event = defineEvent({ type: 'loan.rejected', version: 1, exchange: 'library', schema: z.unknown() });

describe('commits of several messages', () => {
  test('a hundred messages that each write one of ten items are committed in two transactions', async () => {
    for (let n = 0; n < 10; n++) await shelved(n, 1_000);
    const entries = Array.from({ length: 100 }, (_, n) => entry(`m${n}`, { effects: [take(n % 10, 2)] }));
    faults.requests = 0;
    const results = await store.inbox().commit(QUEUE, entries, never);
    expect(new Set(outcomes(results))).toEqual(new Set(['completed']));
    expect(faults.requests).toBe(2);
    for (let n = 0; n < 10; n++) expect(await available(n)).toBe('980');
  });

  test('the effects of a message are applied once per queue, however often the message is committed', async () => {
    await shelved('a', 10);
    const entries = [entry('one', { effects: [take('a', 1)] }), entry('two', { effects: [take('a', 1)] })];
    const inbox = store.inbox();
    await inbox.commit(QUEUE, entries.slice(0, 1), never);
    expect(outcomes(await inbox.commit(QUEUE, entries, never))).toEqual(['duplicate', 'completed']);
    expect(outcomes(await inbox.commit(QUEUE, [...entries, ...entries], never))).toEqual(Array(4).fill('duplicate'));
    expect(outcomes(await inbox.commit('notices', entries, never))).toEqual(['completed', 'completed']);
    expect(await available('a')).toBe('6');
  });

  test('if a message has the id of a completed message but another payload, the result of the message is "mismatch" and not "duplicate"', async () => {
    await shelved('a', 10);
    const first = entry('one', { effects: [take('a', 1)] });
    const results = await store
      .inbox()
      .commit(QUEUE, [first, { ...first, payloadHash: 'other' }, entry('two', { effects: [take('a', 2)] })], never);
    expect(outcomes(results)).toEqual(['completed', 'mismatch', 'completed']);
    expect(await available('a')).toBe('7');
  });

  test('when a completed message is committed again, the result contains the events that were stored at the first commit', async () => {
    const decision: Decision = { effects: [], events: [{ event, data: { loanId: 'x', lines: [1, 2] } }] };
    const inbox = store.inbox();
    const [first] = await inbox.commit(QUEUE, [entry('one', decision)], never);
    const [again] = await inbox.commit(QUEUE, [entry('one', { effects: [] })], never);
    const events = [
      {
        id: deriveId(QUEUE, id('one'), 'loan.rejected', '0'),
        type: 'loan.rejected',
        version: 1,
        exchange: 'library',
        data: { loanId: 'x', lines: [1, 2] },
      },
    ];
    expect(first).toMatchObject({ is: 'completed', marker: { events } });
    expect(again).toMatchObject({ is: 'duplicate', marker: { events, state: 'completed' } });
    expect((await inbox.find(QUEUE, [id('one')])).get(id('one'))).toEqual((again as { marker?: unknown }).marker);
  });

  test('if a batch needs more books than are available, the commit engine needs only two transactions to complete some of the messages and reject the others', async () => {
    await shelved('a', 5);
    const entries = [3, 4, 1, 2, 1].map((quantity, n) =>
      entry(n, { effects: [take('a', quantity)], otherwise: soldOut }),
    );
    const results = await store.inbox().commit(QUEUE, entries, never);
    expect(outcomes(results)).toEqual(['completed', 'rejected', 'completed', 'rejected', 'completed']);
    expect(await available('a')).toBe('0');
    expect(faults.sent).toHaveLength(2);
    expect(results[1]).toMatchObject({ marker: { state: 'rejected', reason: 'sold out' } });
  });

  test('after a commit has found an item sold out, the next commit writes the messages for this item in a separate transaction, so that the transactions of other messages do not fail', async () => {
    await shelved('gone', 0);
    await shelved('plenty', 100);
    const inbox = store.inbox();
    const orders = (name: string) =>
      [1, 2, 3, 4].map((n) =>
        entry(`${name}${n}`, { effects: [take(n % 2 ? 'gone' : 'plenty', 1)], otherwise: soldOut }),
      );
    const expected = ['rejected', 'completed', 'rejected', 'completed'];
    expect(outcomes(await inbox.commit(QUEUE, orders('first'), never))).toEqual(expected);
    faults.sent.length = 0;
    expect(outcomes(await inbox.commit(QUEUE, orders('second'), never))).toEqual(expected);
    const sizes = faults.sent.map(({ TransactItems = [] }) => TransactItems.length);
    // Two transactions each write two markers and one item. The third rejects the messages for the sold-out item and writes only their markers.
    expect(sizes.toSorted()).toEqual([2, 3, 3]);
    await shelved('gone', 9);
    expect(new Set(outcomes(await inbox.commit(QUEUE, orders('third'), never)))).toEqual(new Set(['completed']));
  });

  test('after the condition on an item has failed, the next commit writes this item in a transaction of its own; if the condition then holds, the following commit writes all items in one transaction', async () => {
    await shelved('scarce', 0);
    await shelved('plenty', 100);
    const inbox = store.inbox();
    const requests = async (name: string) => {
      faults.sent.length = 0;
      const items = ['scarce', 'plenty'].map((item) =>
        entry(`${name}-${item}`, { effects: [take(item, 1)], otherwise: soldOut }),
      );
      await inbox.commit(QUEUE, items, never);
      return faults.sent.length;
    };
    await requests('first');
    await shelved('scarce', 9);
    expect(await requests('second')).toBe(2);
    expect(await requests('third')).toBe(1);
  });

  test('a rejected message does not reduce the number of available books for later messages', async () => {
    await shelved('a', 5);
    await shelved('b', 0);
    const results = await store
      .inbox()
      .commit(
        QUEUE,
        [
          entry(1, { effects: [take('a', 5), take('b', 1)], otherwise: soldOut }),
          entry(2, { effects: [take('a', 5)], otherwise: soldOut }),
        ],
        never,
      );
    expect(outcomes(results)).toEqual(['rejected', 'completed']);
  });

  test('the alternative decisions for a message are tried one after another until the conditions of one decision hold', async () => {
    await shelved('a', 1);
    await shelved('b', 1);
    const decision: Decision = {
      effects: [take('a', 1)],
      otherwise: {
        outcome: 'completed',
        reason: 'from the other warehouse',
        effects: [take('b', 1)],
        otherwise: { outcome: 'rejected', reason: 'sold out', effects: [give('backorders', 1)] },
      },
    };
    const results = await store.inbox().commit(
      QUEUE,
      [1, 2, 3, 4].map((n) => entry(n, decision)),
      never,
    );
    expect(outcomes(results)).toEqual(['completed', 'completed', 'rejected', 'rejected']);
    expect([await available('a'), await available('b'), await available('backorders')]).toEqual(['0', '0', '2']);
  });

  test('a message fails with CONDITION_FAILED if a condition of its effects does not hold and its business rule returned no alternative effects ("otherwise")', async () => {
    await shelved('a', 1);
    const results = await store
      .inbox()
      .commit(QUEUE, [entry(1, { effects: [take('a', 2)] }), entry(2, { effects: [take('a', 1)] })], never);
    expect(outcomes(results)).toEqual(['failed', 'completed']);
    expect(codeOf(results[0])).toBe('CONDITION_FAILED');
    expect((await store.inbox().find(QUEUE, [id(1)])).size).toBe(0);
  });

  test('an addition to an item that does not exist creates the item, starting from 0', async () => {
    const below = { ...take('none', 3), atLeast: -5 };
    const results = await store.inbox().commit(
      QUEUE,
      [1, 2].map((n) => entry(n, { effects: [below], otherwise: soldOut })),
      never,
    );
    expect(outcomes(results)).toEqual(['completed', 'rejected']);
    expect(await available('none')).toBe('-3');
  });

  test('a put writes its item only if the condition of the put holds: the item is absent, or an attribute has the expected value', async () => {
    const put = (when: When, status: string): Decision => ({
      effects: [
        { kind: 'put', table: orders, key: { loanId: id('o') }, item: { status, n: 1, gone: undefined }, when },
      ],
      otherwise: { outcome: 'rejected', reason: 'not as expected', effects: [] },
    });
    const results = await store
      .inbox()
      .commit(
        QUEUE,
        [
          entry(1, put('absent', 'new')),
          entry(2, put('absent', 'twice')),
          entry(3, put({ status: { equals: 'new' } }, 'paid')),
          entry(4, put({ status: { equals: 'new' } }, 'never')),
        ],
        never,
      );
    expect(outcomes(results)).toEqual(['completed', 'rejected', 'completed', 'rejected']);
    expect(await store.get('library', { loanId: { S: id('o') } })).toEqual({
      loanId: { S: id('o') },
      status: { S: 'paid' },
      n: { N: '1' },
    });
  });

  test('messages that do not fit into one transaction are committed in several transactions', async () => {
    const body = 'x'.repeat(200_000);
    const large = Array.from({ length: 45 }, (_, n) =>
      entry(n, { effects: [{ kind: 'put', table: orders, key: { loanId: id(n) }, item: { body } }] }),
    );
    const results = await store.inbox().commit(QUEUE, large, never);
    expect(new Set(outcomes(results))).toEqual(new Set(['completed']));
    expect(faults.sent).toHaveLength(3);
  });

  test('a message completes even if its inbox marker says that an earlier attempt failed', async () => {
    const inbox = store.inbox();
    const handoff = { redrives: 0, attempt: 1, id: id(1), payloadHash: 'hash', code: 'X', message: 'x' } as const;
    await inbox.recordHandoffs(QUEUE, [{ ...handoff, state: 'retrying' }]);
    expect(outcomes(await inbox.commit(QUEUE, [entry(1, { effects: [] })], never))).toEqual(['completed']);
  });

  test('while another process has the lease of a message, committing the message fails with LEASED, and succeeds once the lease has expired', async () => {
    const { inbox, leases } = store.ports();
    await leases.take(QUEUE, { ...firstAttempt, id: id(1), payloadHash: 'hash', owner: 'other', durationMs: 1_000 });
    const entries = [entry(1, { effects: [] }), entry(2, { effects: [] })];
    const results = await inbox.commit(QUEUE, entries, never);
    expect(outcomes(results)).toEqual(['failed', 'completed']);
    expect(codeOf(results[0])).toBe('LEASED');
    store.clock.advance(1_000);
    expect(outcomes(await inbox.commit(QUEUE, entries, never))).toEqual(['completed', 'duplicate']);
  });
});

describe('invalid effects', () => {
  const invalid: [string, () => Decision][] = [
    [
      'a put and an addition on one item',
      () => ({ effects: [give('a', 1), { kind: 'put', table: tables.loans, key: isbn('a'), item: {} }] }),
    ],
    ['an addition of a fraction', () => ({ effects: [give('a', 0.5)] })],
    [
      'a number that is NaN',
      () => ({ effects: [{ kind: 'put', table: tables.loans, key: isbn('b'), item: { n: NaN } }] }),
    ],
    [
      'an item over 400 KB',
      () => ({ effects: [{ kind: 'put', table: tables.loans, key: isbn('b'), item: { s: 'x'.repeat(410_000) } }] }),
    ],
    ['an empty key', () => ({ effects: [{ kind: 'put', table: tables.loans, key: { isbn: '' }, item: {} }] })],
    [
      'a key of the wrong type',
      () => ({ effects: [{ kind: 'put', table: tables.loans, key: { isbn: 7 }, item: {} }] }),
    ],
    [
      'a key of the wrong name',
      () => ({ effects: [{ kind: 'put', table: tables.loans, key: { name: 'x' }, item: {} }] }),
    ],
    ['an addition to a string', () => ({ effects: [{ ...give('text', 1) }] })],
    ['more than 99 items', () => ({ effects: Array.from({ length: 100 }, (_, n) => give(`i${n}`, 1)) })],
    ['events larger than a marker', () => ({ effects: [], events: [{ event, data: 'x'.repeat(310_000) }] })],
    [
      'an impossible alternative',
      () => ({ effects: [], otherwise: { outcome: 'rejected', reason: 'r', effects: [give('a', NaN)] } }),
    ],
  ];

  test.each(invalid)(
    'a message with an invalid effect (%s) fails, and the other messages of its batch complete',
    async (_, decision) => {
      await store.put('loans', { isbn: { S: isbn('text').isbn }, available: { S: 'many' } });
      await shelved('ok', 0);
      const entries = Array.from({ length: 20 }, (_, n) => entry(n, { effects: [give('ok', 1)] }));
      entries[13] = entry(13, decision());
      const results = await store.inbox().commit(QUEUE, entries, never);
      expect(outcomes(results).filter((is) => is === 'completed')).toHaveLength(19);
      expect(results[13]).toMatchObject({ is: 'failed', error: { code: 'INVALID_EFFECT' } });
      expect(await available('ok')).toBe('19');
    },
  );

  test('if DynamoDB refuses to update an item, only the messages that write this item fail', async () => {
    await store.put('loans', { isbn: { S: isbn('text').isbn }, available: { S: 'many' } });
    const entries = Array.from({ length: 20 }, (_, n) =>
      entry(n, { effects: [give(n % 10 === 3 ? 'text' : 'ok', 1)] }),
    );
    const results = await store.inbox().commit(QUEUE, entries, never);
    expect(results.flatMap(({ is }, n) => (is === 'failed' ? [n] : []))).toEqual([3, 13]);
    expect(await available('ok')).toBe('18');
  });
});
describe('items that grow', () => {
  const at = () => isbn('list');
  const line = 'x'.repeat(100_000);
  const growing = new Table({ name: 'loans', key: { isbn: 'S' } });
  const grow = (name: number) => entry(name, { effects: [growing.append(at(), { lines: [line] })] });

  test('a message whose append would make an item larger than 400 KB fails with INVALID_EFFECT and the name of the item, and the other messages complete', async () => {
    const entries = [...[1, 2, 3, 4, 5, 6].map(grow), entry(7, { effects: [give('ok', 1)] })];
    const results = await store.inbox().commit(QUEUE, entries, never);
    expect(outcomes(results)).toEqual([
      'completed',
      'completed',
      'completed',
      'completed',
      'failed',
      'failed',
      'completed',
    ]);
    expect(results[4]).toMatchObject({ error: { code: 'INVALID_EFFECT' } });
    expect((results[4] as { error: Error }).error.message).toContain(`{"isbn":"${at().isbn}"} of the table loans`);
    expect((await store.get('loans', { isbn: { S: at().isbn } }))?.['lines']?.L).toHaveLength(4);
  });

  test('small appends to many large items are committed, although all items together exceed the size limit of a transaction', async () => {
    const names = Array.from({ length: 14 }, (_, n) => `large-${n}`);
    for (const name of names)
      await store.put('loans', { isbn: { S: isbn(name).isbn }, body: { S: 'x'.repeat(390_000) }, lines: { L: [] } });
    const entries = names.map((name) => entry(name, { effects: [growing.append(isbn(name), { lines: ['x'] })] }));
    const results = await store.inbox().commit(QUEUE, entries, never);
    expect(new Set(outcomes(results))).toEqual(new Set(['completed']));
  });

  test('messages whose conditions all check the same item are committed in one transaction', async () => {
    await shelved('shared', 5);
    const check = growing.check(isbn('shared'), { available: { atLeast: 5 } });
    const entries = Array.from({ length: 40 }, (_, n) => entry(n, { effects: [check, give(`own-${n}`, 1)] }));
    faults.requests = 0;
    const results = await store.inbox().commit(QUEUE, entries, never);
    expect(new Set(outcomes(results))).toEqual(new Set(['completed']));
    expect(faults.requests).toBe(1);
  });
});

describe('interrupted commits', () => {
  test('if DynamoDB cannot be reached, the result of each message is "unfinished" with the error code STORE_UNAVAILABLE', async () => {
    const { createInbox } = await import('../../../lib/inbox/create-inbox.ts');
    const { openInboxTable } = await import('../../../lib/inbox/table.ts');
    const { fastRetries } = await import('../../support/store.ts');
    const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
    const client = new DynamoDBClient({ endpoint: 'http://127.0.0.1:9', region: 'local', credentials, maxAttempts: 1 });
    const table = { client, tablePrefix: '', clock: store.clock, retentionDays: 1, retryPolicy: fastRetries };
    const away = createInbox(openInboxTable(table));
    const [result] = await away.commit(QUEUE, [entry(1, { effects: [] })], never);
    expect(result).toMatchObject({ is: 'unfinished', error: { code: 'STORE_UNAVAILABLE' } });
    await expect(away.find(QUEUE, [id(1)])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    client.destroy();
  });

  test('if an unexpected error occurs in a commit, the commit returns all its messages as unfinished instead of throwing the error', async () => {
    const { createInbox } = await import('../../../lib/inbox/create-inbox.ts');
    const { openInboxTable } = await import('../../../lib/inbox/table.ts');
    const clock = {
      now: () => {
        throw new Error('no clock');
      },
    };
    const inbox = createInbox(openInboxTable({ client: store.client, tablePrefix: '', clock, retentionDays: 1 }));
    const results = await inbox.commit(QUEUE, [entry(1, { effects: [] }), entry(2, { effects: [] })], never);
    const unfinished = { is: 'unfinished', error: { message: 'no clock' } };
    expect(results).toMatchObject([unfinished, unfinished]);
  });

  test('if the abort signal of a commit is already aborted, the messages stay unfinished and nothing is written', async () => {
    const results = await store
      .inbox()
      .commit(QUEUE, [entry(1, { effects: [] })], AbortSignal.abort(new Error('time is up')));
    expect(results).toMatchObject([{ is: 'unfinished', error: { message: 'time is up' } }]);
    expect((await store.inbox().find(QUEUE, [id(1)])).size).toBe(0);
  });

  test('a commit of no messages returns no results', async () => {
    expect(await store.inbox().commit(QUEUE, [], never)).toEqual([]);
  });
});
