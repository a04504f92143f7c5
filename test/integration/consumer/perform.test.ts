import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';

import { tables } from '../../support/example/tables.ts';
import { queues } from '../../support/example/topology.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import { dynamoDbPorts } from '../../../lib/consumer/dependencies.ts';
import { on } from '../../../lib/message/rule.ts';
import { dynamoDbClient } from '../../../lib/dynamodb/client.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { openInboxTable } from '../../../lib/inbox/table.ts';
import { decode, type RabbitMqRecord } from '../../../lib/message/delivery.ts';
import { emit, reject, type Decision } from '../../../lib/inbox/decision.ts';
import type { CommitResult } from '../../../lib/inbox/inbox.ts';
import { BatchUnfinishedError } from '../../../lib/consumer/report.ts';
import { StoreUnavailableError } from '../../../lib/runtime/errors.ts';
import { log } from '../../../lib/runtime/log.ts';
import { anEvent, aRecord, anInvocation, firstAttempt } from '../../support/delivery.ts';
import { eventually } from '../../support/eventually.ts';
import { scriptedEvent } from '../../support/scripted-consumer.ts';
import { aConsumerSetup, type ConsumerSetup } from '../../support/consumer-setup.ts';
import { putMarker, unreadableMarkers } from '../../support/unreadable-markers.ts';

let setup: ConsumerSetup;
beforeAll(async () => {
  // The time limit must allow a second batch to run during the call of the first one, even on a busy machine.
  setup = await aConsumerSetup({ MESSAGE_TIME_LIMIT_MS: '10000' });
});
afterAll(() => setup.remove());

/** The message ids with which `perform` was called. */
let calls: string[];
let duringCall: () => Promise<Decision | void> | Decision | void;
beforeEach(() => {
  calls = [];
  duringCall = () => {};
});

const run = (records: readonly RabbitMqRecord[], dependencies = setup.dependencies) =>
  createConsumer(
    {
      queue: queues.loans,
      event: scriptedEvent,
      perform: async (_, { id }) => {
        calls.push(id);
        return duringCall();
      },
    },
    dependencies,
  )(anEvent(records), anInvocation());

const message = (id = randomUUID(), headers = {}) =>
  aRecord({ id, type: 'test.scripted', body: { isbn: 'a' }, headers });
const redelivered = (record: RabbitMqRecord) => ({ ...record, redelivered: true });

const failingCall = () => {
  throw new Error('the carrier is unavailable: connection refused');
};

test('a perform function is called once for a message, even if the message is redelivered or published twice', async () => {
  const record = message();
  expect((await run([record])).counts.completed).toBe(1);
  expect((await run([redelivered(record)])).counts.duplicate).toBe(1);
  // If the publisher sends the message twice, the broker does not mark the second copy as redelivered.
  expect((await run([record])).counts.duplicate).toBe(1);
  expect(calls).toHaveLength(1);
});

test('while another process has the lease of a message, a copy of the message is postponed, which does not count as an attempt', async () => {
  const record = message();
  let other: Awaited<ReturnType<typeof run>> | undefined;
  duringCall = async () => {
    duringCall = () => {};
    other = await run([record]);
  };
  expect((await run([record])).counts.completed).toBe(1);
  expect(other?.counts).toMatchObject({ postponed: 1, retry: 0 });
  expect(other?.notCompleted).toMatchObject([{ outcome: 'postponed', code: 'LEASED', destination: 'retry.4s' }]);
  expect(calls).toHaveLength(1);
  const [copy] = await setup.host.drain('retry.4s');
  expect(copy && copy.properties.headers?.['surehop-attempt']).toBe(1);
});

test('if the perform function fails, the lease of the message is released and the retry copy can be processed at once', async () => {
  const id = randomUUID();
  duringCall = failingCall;
  expect((await run([message(id)])).counts.retry).toBe(1);
  duringCall = () => {};
  expect((await run([message(id, { 'surehop-attempt': 2 })])).counts.completed).toBe(1);
  expect(calls).toEqual([id, id]);
  await setup.host.drain('retry.1s');
  await setup.host.drain('loans');
});

test('if both the perform function and the release of the lease fail, the report of the batch contains the error of the function', async () => {
  duringCall = failingCall;
  const leases = { ...setup.dependencies.leases, release: () => Promise.reject(new StoreUnavailableError()) };
  const warn = jest.spyOn(log(), 'warn').mockImplementation(() => {});
  const report = await run([message()], { ...setup.dependencies, leases });
  expect(report.notCompleted).toMatchObject([
    { outcome: 'retry', message: 'the carrier is unavailable: connection refused' },
  ]);
  expect(warn).toHaveBeenCalledWith(
    'releasing a lease failed',
    expect.objectContaining({ reason: 'STORE_UNAVAILABLE' }),
  );
  warn.mockRestore();
  await setup.host.drain('retry.1s');
  await setup.host.drain('loans');
});

test('if a process dies while it runs the perform function for a message, the message is postponed until its lease expires, and the function then runs again', async () => {
  const record = message();
  const { id, payloadHash } = decode(anEvent([record]))[0]!;
  await setup.dependencies.leases.take('loans', {
    ...firstAttempt,
    id: id!,
    payloadHash,
    owner: 'a process that died',
    durationMs: 300,
  });
  expect((await run([redelivered(record)])).notCompleted).toMatchObject([{ outcome: 'postponed', code: 'LEASED' }]);
  await new Promise((resolve) => setTimeout(resolve, 350));
  expect((await run([redelivered(record)])).counts.completed).toBe(1);
  expect(calls).toEqual([id]);
});

test('if the perform function does not return at the last attempt of a message, the message is dead-lettered before its lease expires', async () => {
  const id = randomUUID();
  let end = () => {};
  duringCall = () => new Promise((resolve) => (end = resolve));
  const settings = { ...setup.dependencies.settings, MESSAGE_TIME_LIMIT_MS: 200 };
  const report = await run([message(id, { 'surehop-attempt': 4 })], { ...setup.dependencies, settings });
  expect(report.notCompleted).toMatchObject([{ outcome: 'dead-letter', code: 'ATTEMPTS_EXHAUSTED' }]);
  expect(await setup.host.drain('dead-letters')).toHaveLength(1);
  // perform returns only now, which must not change the state of the dead-lettered message.
  end();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const markers = await setup.dependencies.inbox.find('loans', [id as MessageId]);
  expect(markers.get(id as MessageId)).toMatchObject({ state: 'dead-lettered' });
});

test('if the perform function exceeds the time limit, and the headers of the message are too large for a retry copy, the message is dead-lettered before its lease expires', async () => {
  let end = () => {};
  duringCall = () => new Promise((resolve) => (end = resolve));
  const settings = { ...setup.dependencies.settings, MESSAGE_TIME_LIMIT_MS: 200 };
  const tooLargeForAFrame = { note: 'x'.repeat(140_000) };
  const report = await run([message(randomUUID(), tooLargeForAFrame)], { ...setup.dependencies, settings });
  expect(report.notCompleted).toMatchObject([{ outcome: 'dead-letter', code: 'UNWRITABLE' }]);
  expect(await setup.host.drain('dead-letters')).toHaveLength(1);
  end();
});

test('a message with crashes in its attempt log is not dead-lettered while another process holds its lease; the message completes after the lease is released', async () => {
  const { attemptLog, leases } = setup.dependencies;
  const record = aRecord({
    type: 'test.scripted',
    body: { isbn: 'a' },
    redelivered: true,
    headers: { 'x-acquired-count': 9 },
  });
  const { id, payloadHash } = decode(anEvent([record]))[0]! as { id: MessageId; payloadHash: string };
  for (const run of ['first', 'second'])
    await attemptLog.begin('loans', [id], { kind: 'isolated', id: run, endsByMs: Date.now() - 1 });
  const owner = 'a slow process';
  await leases.take('loans', { ...firstAttempt, id, payloadHash, owner, durationMs: 60_000 });
  for (let times = 0; times < 5; times += 1) {
    expect((await run([record])).notCompleted).toMatchObject([{ outcome: 'postponed', code: 'LEASED' }]);
    expect((await attemptLog.read('loans', [id])).get(id)?.isolatedEndByMs).toHaveLength(2);
  }
  await leases.release('loans', id, owner);
  expect((await run([record])).counts.completed).toBe(1);
  expect(calls).toEqual([id]);
  expect(await attemptLog.read('loans', [id])).toEqual(new Map());
  const isOfMessage = (copy: Awaited<ReturnType<typeof setup.host.drain>>[number]) =>
    copy && copy.properties.messageId === id;
  expect((await setup.host.drain('dead-letters')).filter(isOfMessage)).toEqual([]);
});

test.each(unreadableMarkers)(
  'if the inbox marker of a message %s, the consumer retries the message without calling perform, and dead-letters the message after the last attempt',
  async (_, attributes) => {
    const id = randomUUID();
    await putMarker(setup, 'loans', message(id), attributes);
    for (const first of [message(id), redelivered(message(id))])
      expect((await run([first])).notCompleted).toMatchObject([{ outcome: 'retry', code: 'INVALID_ITEM' }]);
    expect((await run([message(id, { 'surehop-attempt': 4 })])).notCompleted).toMatchObject([
      { outcome: 'dead-letter', code: 'ATTEMPTS_EXHAUSTED', message: expect.stringContaining('INVALID_ITEM') },
    ]);
    expect(calls).toEqual([]);
    expect(await setup.host.drain('dead-letters')).toHaveLength(1);
    await setup.host.drain('retry.1s');
    await setup.host.drain('loans');
  },
);

test('if a consumer changes from a decide function to a perform function, a message that was rejected before the change is skipped as a duplicate', async () => {
  const record = message();
  const { id, payloadHash } = decode(anEvent([record]))[0]!;
  const decision = {
    effects: [
      { kind: 'add' as const, table: tables.loans, key: { isbn: 'none' }, attribute: 'available', by: -1, atLeast: 0 },
    ],
    otherwise: { outcome: 'rejected' as const, reason: 'ALL_LENT', effects: [] },
  };
  await setup.dependencies.inbox.commit(
    'loans',
    [{ ...firstAttempt, id: id!, payloadHash, decision }],
    AbortSignal.timeout(30_000),
  );
  expect((await run([record])).counts.duplicate).toBe(1);
  expect(calls).toEqual([]);
});

describe('a decision that perform returns', () => {
  const add = (isbn: string, by: number, atLeast?: number) =>
    ({ kind: 'add', table: tables.loans, key: { isbn }, attribute: 'available', by, atLeast }) as const;
  const event = defineEvent({ ...scriptedEvent, type: 'loan.rejected' });
  const follow = () => emit(event, { isbn: 'followed', behave: 'well' });
  const published = async () => (await setup.host.drain('notices')).length;
  const available = async (isbn: string) => (await setup.item('loans', { isbn }))?.available;

  test('the effects that a perform function returns for a message are committed only once, even if the message is redelivered', async () => {
    const isbn = randomUUID();
    duringCall = () => ({ effects: [add(isbn, 2)], events: [follow()] });
    const record = message();
    expect((await run([record])).counts.completed).toBe(1);
    expect((await run([redelivered(record)])).counts.duplicate).toBe(1);
    expect(calls).toHaveLength(1);
    expect(await available(isbn)).toBe(2);
    // The second run has its own memory, and therefore publishes the follow-up event again with the same id.
    expect(await published()).toBe(2);
  });

  test('if a perform function runs concurrently for many messages and changes the same item for each of them, the effects of all messages are committed', async () => {
    const isbn = randomUUID();
    duringCall = () => ({ effects: [add(isbn, 1)] });
    expect((await run(Array.from({ length: 40 }, () => message()))).counts.completed).toBe(40);
    expect(await available(isbn)).toBe(40);
  });

  test('if a perform function rejects a message, the report of the batch contains the reason, and the follow-up event of the rejection is published', async () => {
    duringCall = () => reject('CARRIER_REFUSED', { events: [follow()] });
    expect((await run([message()])).notCompleted).toMatchObject([{ outcome: 'rejected', code: 'CARRIER_REFUSED' }]);
    expect(await published()).toBe(1);
  });

  test('if a perform function returns effects whose condition fails, the alternative effects ("otherwise") are committed', async () => {
    const isbn = randomUUID();
    duringCall = () => ({ effects: [add(isbn, -1, 0)], otherwise: reject('SOLD_OUT', { effects: [add(isbn, 5)] }) });
    expect((await run([message()])).notCompleted).toMatchObject([{ outcome: 'rejected', code: 'SOLD_OUT' }]);
    expect(await available(isbn)).toBe(5);
  });

  test('if the condition of the effects fails and the perform function returned no alternative effects ("otherwise"), the retry does not wait until the lease expires', async () => {
    const [id, isbn] = [randomUUID(), randomUUID()];
    duringCall = () => ({ effects: [add(isbn, -1, 0)] });
    expect((await run([message(id)])).notCompleted).toMatchObject([{ outcome: 'retry', code: 'CONDITION_FAILED' }]);
    duringCall = () => ({ effects: [add(isbn, 1)] });
    expect((await run([message(id, { 'surehop-attempt': 2 })])).counts.completed).toBe(1);
    expect(await available(isbn)).toBe(1);
    await setup.host.drain('retry.1s');
    await setup.host.drain('loans');
  });

  test('if the process crashes after the perform function and before the commit, the function runs again with the same message id after the lease has expired', async () => {
    const [id, isbn] = [randomUUID(), randomUUID()];
    duringCall = () => ({ effects: [add(isbn, 1)] });
    // The first process stops at the commit, like a process that crashed.
    let endCommit: (results: CommitResult[]) => void = () => {};
    const commit = () => new Promise<CommitResult[]>((resolve) => (endCommit = resolve));
    const crashed = run([message(id)], { ...setup.dependencies, inbox: { ...setup.dependencies.inbox, commit } });
    const clock = { now: () => Date.now() };
    await eventually('the first call of perform', () => calls.length === 1);
    const record = redelivered(message(id));
    expect((await run([record])).notCompleted).toMatchObject([{ outcome: 'postponed', code: 'LEASED' }]);
    clock.now = () => Date.now() + 60_000;
    const later = dynamoDbPorts(
      openInboxTable({
        client: dynamoDbClient({ endpoint: setup.endpoint, maxAttempts: 1 }),
        tablePrefix: setup.tablePrefix,
        clock,
        retentionDays: 14,
      }),
    );
    expect((await run([record], { ...setup.dependencies, ...later, clock })).counts.completed).toBe(1);
    expect(calls).toEqual([id, id]);
    expect(await available(isbn)).toBe(1);
    await setup.host.drain('retry.4s');
    // Lets the first process end, so that nothing of this test is left.
    endCommit([{ is: 'unfinished', error: new Error('the process crashed') }]);
    await expect(crashed).rejects.toBeInstanceOf(BatchUnfinishedError);
  });
});

test('the function on() combines an event with either a decide function or a perform function', async () => {
  const performed: string[] = [];
  const rules = [
    on(scriptedEvent, () => ({ effects: [] })),
    on(defineEvent({ ...scriptedEvent, type: 'test.performed' }), {
      perform: async (_, { id }) => void performed.push(id),
    }),
  ];
  const records = ['test.scripted', 'test.performed'].map((type) =>
    aRecord({ id: `${type} ${setup.tablePrefix}`, type, body: { isbn: 'a' } }),
  );
  const report = await createConsumer({ queue: queues.loans, rules }, setup.dependencies)(
    anEvent(records),
    anInvocation(),
  );
  expect(report.counts.completed).toBe(2);
  expect(performed).toEqual([`test.performed ${setup.tablePrefix}`]);
});
