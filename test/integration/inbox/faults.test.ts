import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { TransactWriteItemsInput } from '@aws-sdk/client-dynamodb';
import { tables } from '../../support/example/tables.ts';
import { Table } from '../../../lib/dynamodb/tables.ts';
import type { CommitResult, Entry } from '../../../lib/inbox/inbox.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { fastRetries, openStore } from '../../support/store.ts';
import type { TestStore } from '../../support/store.ts';
import { answerLost, cancelled, faultsOf, named, serverError, throttled } from '../../support/store-faults.ts';
import type { Fault, Faults } from '../../support/store-faults.ts';
import { firstAttempt } from '../../support/delivery.ts';

const QUEUE = 'loans';
const never = new AbortController().signal;
let store: TestStore;
let faults: Faults;
let run = 0;

beforeAll(async () => {
  store = await openStore();
});
beforeEach(async () => {
  run++;
  faults = faultsOf(store.client);
  await store.put('loans', { isbn: { S: isbn() }, available: { N: '100' } });
});
afterEach(() => faults.remove());
afterAll(() => store.close());

const isbn = () => `${run}`;
const outcomes = (results: CommitResult[]) => results.map(({ is }) => is);
const codes = (results: CommitResult[]) =>
  results.map((result) => (result as { error?: { code?: string } }).error?.code);
const take = (name: string | number, quantity: number, from = isbn()): Entry => ({
  ...firstAttempt,
  id: `${run}-${name}` as MessageId,
  payloadHash: 'hash',
  decision: {
    effects: [
      { kind: 'add', table: tables.loans, key: { isbn: from }, attribute: 'available', by: -quantity, atLeast: 0 },
    ],
  },
});
const five = () => [1, 2, 3, 4, 5].map((n) => take(n, 2));
const available = async (of = isbn()) => (await store.get('loans', { isbn: { S: of } }))?.['available']?.N;
const commit = (entries: Entry[], signal = never) => store.inbox().commit(QUEUE, entries, signal);
/** Injects the first given fault into the first DynamoDB transaction, the second fault into the second, and so on. */
const inTurn = (...list: (() => Fault)[]) => (faults.plan = (_, at) => list[at]?.());

test('a transaction is sent again if the reply of DynamoDB is lost, and the effects are applied once', async () => {
  inTurn(answerLost);
  const results = await commit(five());
  expect(outcomes(results)).toEqual(Array(5).fill('completed'));
  expect(results[0]).toMatchObject({ marker: { state: 'completed', events: [] } });
  expect(faults.sent).toHaveLength(2);
  expect(await available()).toBe('90');
});

test('a transaction keeps its ClientRequestToken when it is sent again after a server error, and gets a new one after a cancellation', async () => {
  faults.plan = (input, at) =>
    at === 0 ? serverError() : at < 3 ? cancelled('TransactionConflict', [5], input) : undefined;
  expect(outcomes(await commit(five()))).toEqual(Array(5).fill('completed'));
  const tokens = faults.sent.map(({ ClientRequestToken }) => ClientRequestToken);
  expect(tokens).toHaveLength(4);
  expect(tokens[1]).toBe(tokens[0]);
  expect(new Set(tokens).size).toBe(3);
});

test('if a transaction times out and another process completes one of its messages, resending the transaction returns "duplicate" for this message', async () => {
  faults.plan = async (_, at) => {
    if (at > 0) return;
    faults.remove();
    store.clock.advance(-1);
    await commit([take(1, 2)]);
    store.clock.advance(1);
    faults = faultsOf(store.client);
    return { when: 'before', error: named('TimeoutError') };
  };
  expect(outcomes(await commit(five()))).toEqual(['duplicate', ...Array(4).fill('completed')]);
  expect(await available()).toBe('90');
});

test('if DynamoDB commits the messages but all its replies are lost, the messages stay unfinished, and the next commit returns "duplicate" for each of them', async () => {
  faults.plan = answerLost;
  const results = await commit(five());
  expect(outcomes(results)).toEqual(Array(5).fill('unfinished'));
  expect(codes(results)).toEqual(Array(5).fill('STORE_UNAVAILABLE'));
  faults.plan = () => undefined;
  expect(outcomes(await commit(five()))).toEqual(Array(5).fill('duplicate'));
  expect(await available()).toBe('90');
});

test('if a condition fails when a transaction is resent after a lost reply, the message stays unfinished, because the first request may have committed the message', async () => {
  inTurn(() => ({ when: 'before', error: named('TimeoutError') }));
  const results = await commit([take('too much', 101), take('fits', 1)]);
  expect(outcomes(results)).toEqual(['unfinished', 'completed']);
  expect(await available()).toBe('99');
});

test('a commit succeeds after a server error and throttling, and the effects are applied once', async () => {
  inTurn(serverError, throttled);
  expect(outcomes(await commit(five()))).toEqual(Array(5).fill('completed'));
  expect(await available()).toBe('90');
});

test('once a commit of many messages has found DynamoDB unavailable, the commit sends none of the remaining transactions', async () => {
  faults.plan = serverError;
  const results = await commit(Array.from({ length: 500 }, (_, n) => take(n, 1)));
  expect(new Set(outcomes(results))).toEqual(new Set(['unfinished']));
  expect(faults.sent).toHaveLength(fastRetries.attempts);
});

test('messages stay unfinished if DynamoDB throttles every attempt of their transaction', async () => {
  faults.plan = throttled;
  expect(outcomes(await commit(five()))).toEqual(Array(5).fill('unfinished'));
  expect(faults.sent).toHaveLength(fastRetries.conflicts);
  expect(await available()).toBe('100');
});

test('a transaction that is cancelled with TransactionConflict is sent again until DynamoDB commits it', async () => {
  faults.plan = (input, at) => (at < 3 ? cancelled('TransactionConflict', [5], input) : undefined);
  expect(outcomes(await commit(five()))).toEqual(Array(5).fill('completed'));
  expect(faults.sent).toHaveLength(4);
  expect(await available()).toBe('90');
});

test('if every write to one item ends with TransactionConflict, only the messages that write to this item fail', async () => {
  const hot = `${run}-hot`;
  faults.plan = (input) => {
    const at = (input.TransactItems ?? []).findIndex(({ Update }) => Update?.Key?.['isbn']?.S === hot);
    return at < 0 ? undefined : cancelled('TransactionConflict', [at], input);
  };
  const results = await commit([take(1, 1), take(2, 1, hot), take(3, 1), take(4, 1, hot)]);
  expect(outcomes(results)).toEqual(['completed', 'failed', 'completed', 'failed']);
  expect(codes(results)[1]).toBe('CONFLICT');
  expect(await available()).toBe('98');
});

test('if DynamoDB throttles every write to one item, only the messages that write to this item stay unfinished', async () => {
  const hot = `${run}-hot`;
  faults.plan = (input) => {
    const at = (input.TransactItems ?? []).findIndex(({ Update }) => Update?.Key?.['isbn']?.S === hot);
    return at < 0 ? undefined : cancelled('ThrottlingError', [at], input);
  };
  expect(outcomes(await commit([take(1, 1), take(2, 1, hot), take(3, 1)]))).toEqual([
    'completed',
    'unfinished',
    'completed',
  ]);
});

test('if another writer changes the number of available books between two transactions of a commit, the commit uses the changed number', async () => {
  faults.plan = async (_, at) => {
    if (at > 1) return;
    const values = { ':left': { N: at === 0 ? '5' : '3' } };
    await store.client.send(
      new UpdateItemCommand({
        TableName: `${store.prefix}loans`,
        Key: { isbn: { S: isbn() } },
        UpdateExpression: 'SET available = :left',
        ExpressionAttributeValues: values,
      }),
    );
    return undefined;
  };
  const results = await commit(five());
  expect(outcomes(results)).toEqual(['completed', 'failed', 'failed', 'failed', 'failed']);
  expect(new Set(codes(results).slice(1))).toEqual(new Set(['CONDITION_FAILED']));
  expect(await available()).toBe('1');
});

test('if DynamoDB cancels a transaction without returning the inbox markers, the commit reads the markers from the inbox table', async () => {
  await commit(five());
  faults.plan = (input, at) => (at > 0 ? cancelled('ConditionalCheckFailed', [0, 1, 2, 3, 4], input) : undefined);
  expect(outcomes(await commit(five()))).toEqual(Array(5).fill('duplicate'));
});

test('if DynamoDB cancels a transaction without returning the inbox markers, and the markers cannot be read, the messages stay unfinished', async () => {
  await commit(five());
  faults.plan = (input) => cancelled('ConditionalCheckFailed', [0, 1, 2, 3, 4], input);
  store.client.middlewareStack.add(
    (next, { commandName }) =>
      (args) =>
        commandName === 'BatchGetItemCommand' ? Promise.reject(named('InternalServerError')) : next(args),
    { step: 'initialize', name: 'fail reads' },
  );
  const results = await commit(five()).finally(() => store.client.middlewareStack.remove('fail reads'));
  expect(outcomes(results)).toEqual(Array(5).fill('unfinished'));
  expect(new Set(codes(results))).toEqual(new Set(['STORE_UNAVAILABLE']));
});

test('if DynamoDB does not say which table of a transaction is missing, the commit tries one write on each table, and only the messages that write to the missing table stay unfinished', async () => {
  const missing = new Table({ name: 'missing', key: { isbn: 'S' } });
  const isOnMissing = ({ TransactItems = [] }: TransactWriteItemsInput) =>
    TransactItems.some(({ Update }) => Update?.TableName?.endsWith('missing'));
  faults.plan = (input) =>
    isOnMissing(input) ? { when: 'before', error: named('ResourceNotFoundException', 'not found') } : undefined;
  const toMissing: Entry = { ...take('missing', 1), decision: { effects: [missing.add({ isbn: 'a' }, 'n', 1)] } };
  const results = await commit([...five(), toMissing]);
  expect(outcomes(results)).toEqual([...Array<string>(5).fill('completed'), 'unfinished']);
  expect(codes(results).at(-1)).toBe('TABLE_MISSING');
  expect(results.at(-1)).toMatchObject({ error: { tables: [expect.stringMatching(/missing$/)] } });
  expect(await available()).toBe('90');
});

test('if DynamoDB refuses a transaction because a table is missing, but then accepts a test write to each table of the transaction, every message stays unfinished and the error names all these tables', async () => {
  inTurn(() => ({ when: 'before', error: named('ResourceNotFoundException', 'not found') }));
  const results = await commit(five());
  expect(outcomes(results)).toEqual(Array(5).fill('unfinished'));
  const tables = [`${store.prefix}inbox`, `${store.prefix}loans`];
  expect(results[0]).toMatchObject({ error: { code: 'TABLE_MISSING', tables } });
});

test('if one message writes to a missing table that DynamoDB does not name, and DynamoDB rejects the inbox marker of another message, only these two messages are not completed', async () => {
  const missing = new Table({ name: 'missing', key: { isbn: 'S' } });
  const toMissing: Entry = { ...take('missing', 1), decision: { effects: [missing.add({ isbn: 'a' }, 'n', 1)] } };
  const writes = (input: TransactWriteItemsInput) => JSON.stringify(input.TransactItems);
  faults.plan = (input) => {
    if (writes(input).includes(`${store.prefix}missing`))
      return { when: 'before', error: named('ResourceNotFoundException', 'not found') };
    const isRefused = writes(input).includes(`#${run}-refused"`);
    return isRefused ? { when: 'before', error: named('ValidationException') } : undefined;
  };
  const results = await commit([...five(), toMissing, take('refused', 2)]);
  expect(outcomes(results)).toEqual([...Array<string>(5).fill('completed'), 'unfinished', 'failed']);
  expect(codes(results).slice(5)).toEqual(['TABLE_MISSING', 'INVALID_EFFECT']);
  expect(await available()).toBe('90');
  // The commit tries one write on each of its three tables, and uses the replies again.
  expect(faults.sent.filter(({ ClientRequestToken }) => ClientRequestToken === undefined)).toHaveLength(3);
});

test('if DynamoDB refuses every write of the inbox table, all messages stay unfinished with the code STORE_MISCONFIGURED', async () => {
  faults.plan = () => ({ when: 'before', error: named('ValidationException', 'the key does not match the schema') });
  const results = await commit(five());
  expect(outcomes(results)).toEqual(Array(5).fill('unfinished'));
  expect(new Set(codes(results))).toEqual(new Set(['STORE_MISCONFIGURED']));
  // The commit tries its transaction, and one inbox marker without effects.
  expect(faults.sent).toHaveLength(2);
});

test('if DynamoDB cancels every transaction because an inbox marker is invalid, all messages stay unfinished with the code STORE_MISCONFIGURED', async () => {
  faults.plan = (input) => cancelled('ValidationError', [0], input);
  const results = await commit(five());
  expect(outcomes(results)).toEqual(Array(5).fill('unfinished'));
  expect(new Set(codes(results))).toEqual(new Set(['STORE_MISCONFIGURED']));
  expect(faults.sent).toHaveLength(2);
});

test.each([
  ['the reply to this test is lost', named('TimeoutError')],
  ['DynamoDB throttles this test', named('ThrottlingException')],
])(
  'if the inbox table is misconfigured, and the commit tests the table with an inbox marker without effects, no message fails even if %s',
  async (_, unanswered) => {
    const wrong = named('ValidationException', 'the key does not match the schema');
    let tests = 0;
    faults.plan = ({ ClientRequestToken }) =>
      // Only a transaction with messages has a token of its own.
      ({ when: 'before', error: ClientRequestToken === undefined && tests++ < 2 ? unanswered : wrong });
    const results = await commit(five());
    expect(outcomes(results)).toEqual(Array(5).fill('unfinished'));
    expect(new Set(codes(results))).toEqual(new Set(['STORE_MISCONFIGURED']));
    expect(tests).toBe(3);
  },
);

test('if DynamoDB refuses a transaction as invalid, and does not answer the request that checks the inbox table, the messages of the transaction stay unfinished', async () => {
  faults.plan = ({ ClientRequestToken }) => ({
    when: 'before',
    error: named(ClientRequestToken === undefined ? 'TimeoutError' : 'ValidationException'),
  });
  const results = await commit(five());
  expect(outcomes(results)).toEqual(Array(5).fill('unfinished'));
  expect(new Set(codes(results))).toEqual(new Set(['STORE_UNAVAILABLE']));
});

test('if DynamoDB keeps cancelling transactions without a reason, each message is tried alone and fails, and nothing is committed', async () => {
  const sizes: number[] = [];
  faults.plan = (input) => {
    sizes.push(input.TransactItems!.length);
    return cancelled('None', [], input);
  };
  const results = await commit(five());
  expect(outcomes(results)).toEqual(Array(5).fill('failed'));
  expect(new Set(codes(results))).toEqual(new Set(['INVALID_EFFECT']));
  // A transaction with one message contains its marker and its effect.
  expect(sizes.at(-1)).toBe(2);
  expect(await available()).toBe('100');
});

test('if a commit is aborted, the messages whose transactions have no reply yet stay unfinished', async () => {
  const abort = new AbortController();
  faults.plan = (_, at) => {
    if (at === 1) abort.abort(new Error('time is up'));
    return undefined;
  };
  const results = await commit(
    Array.from({ length: 250 }, (_, n) => take(n, 0)),
    abort.signal,
  );
  expect(outcomes(results).filter((is) => is === 'completed')).toHaveLength(99);
  const late = results.filter(({ is }) => is === 'unfinished');
  expect(late).toHaveLength(151);
  expect(late.at(-1)).toMatchObject({ error: { message: 'time is up' } });
});

test('if a refused transaction is split into halves and the commit is aborted after the first half was committed, the messages of the first half are completed and the others stay unfinished', async () => {
  const abort = new AbortController();
  faults.plan = (_, at) => {
    if (at === 0) return { when: 'before', error: named('ValidationException') };
    // The request with index 1 tries an inbox marker, and the request with index 2 commits the first half.
    if (at < 3) return undefined;
    abort.abort(new Error('time is up'));
    return { when: 'before', error: named('AbortError') };
  };
  const results = await commit(five(), abort.signal);
  expect(outcomes(results)).toEqual([...Array<string>(3).fill('completed'), 'unfinished', 'unfinished']);
  expect(results[4]).toMatchObject({ error: { message: 'time is up' } });
  expect(await available()).toBe('94');
});

test('a commit waits before it sends a transaction again, and an abort ends the wait', async () => {
  const abort = new AbortController();
  faults.plan = () => {
    setTimeout(() => abort.abort(new Error('time is up')), 100);
    return serverError();
  };
  const retryPolicy = { ...fastRetries, firstDelayMs: 1e9, maxDelayMs: 1e9 };
  const results = await store.inbox({ retryPolicy }).commit(QUEUE, five(), abort.signal);
  expect(outcomes(results)).toEqual(Array(5).fill('unfinished'));
  expect(faults.sent).toHaveLength(1);
});

test('concurrent commits of overlapping batches complete or reject each message exactly once, and never take more books than are available', async () => {
  const left = 40;
  await store.put('loans', { isbn: { S: isbn() }, available: { N: String(left) } });
  const entries = Array.from({ length: 60 }, (_, n): Entry => {
    const entry = take(n, 1);
    return {
      ...entry,
      decision: { ...entry.decision, otherwise: { outcome: 'rejected', reason: 'sold out', effects: [] } },
    };
  });
  const batches = [entries, entries.toReversed(), entries.slice(20), entries.slice(0, 40)];
  const results = await Promise.all(batches.map((batch) => commit(batch)));
  expect(await available()).toBe('0');
  const found = await store.inbox().find(
    QUEUE,
    entries.map(({ id }) => id),
  );
  expect([...found.values()].filter(({ state }) => state === 'completed')).toHaveLength(left);
  expect(results.flat().filter(({ is }) => is === 'completed')).toHaveLength(left);
  expect(results.flat().filter(({ is }) => is === 'rejected')).toHaveLength(entries.length - left);
  expect(results.flat().filter(({ is }) => is === 'duplicate')).toHaveLength(batches.flat().length - entries.length);
});
