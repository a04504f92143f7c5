import { hash } from 'node:crypto';

import { expect, test } from '@jest/globals';
import * as z from 'zod';

import { exchanges, queues } from '../../support/example/topology.ts';
import { readAllSettings } from '../../../lib/settings.ts';
import { createConsumer, type ConsumerDefinition } from '../../../lib/consumer/consumer.ts';
import type { ConsumerDependencies } from '../../../lib/consumer/dependencies.ts';
import type { Decide, Perform } from '../../../lib/message/rule.ts';
import { BatchUnfinishedError } from '../../../lib/consumer/report.ts';
import { PublishError, StoreUnavailableError } from '../../../lib/runtime/errors.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import { emit } from '../../../lib/inbox/decision.ts';
import type { AttemptLog } from '../../../lib/crash-loop/attempt-log.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { emptyStore, memoryPorts } from '../../../lib/testing/memory-store.ts';
import { anEvent, aRecord, type GivenHeaders } from '../../support/delivery.ts';

const NOW_MS = Date.parse('2026-01-01T00:00:00Z');
const INVOCATION_MS = 60_000;
const event = defineEvent({
  type: 'tried',
  version: 1,
  exchange: exchanges.library,
  schema: z.object({ key: z.string() }),
});

type Rule = Pick<ConsumerDefinition<any>, 'orderBy'> & ({ decide: Decide<object> } | { perform: Perform<object> });

const bodyOf = (id: string) => ({ key: id.charAt(0) });

/**
 * Creates a consumer with an in-memory store. The list `begun` contains the attempts that the consumer writes to the
 * attempt log before it processes messages suspected of crashing the process.
 */
function aConsumer(
  change: (log: AttemptLog) => Partial<AttemptLog> = () => ({}),
  rule: Rule = { decide: () => ({ effects: [] }) },
  publishError: () => PublishError | undefined = () => undefined,
) {
  const store = emptyStore();
  const clock = { now: () => NOW_MS };
  const ports = memoryPorts(store, clock);
  const begun: string[] = [];
  const attemptLog: AttemptLog = {
    ...ports.attemptLog,
    async begin(queue, ids, run) {
      begun.push(`${run.kind}: ${ids.join(' ')}`);
      return ports.attemptLog.begin(queue, ids, run);
    },
    ...change(ports.attemptLog),
  };
  const dependencies: ConsumerDependencies = {
    ...ports,
    attemptLog,
    publisher: {
      publish: async () => {},
      publishAll: async (messages) => messages.map(publishError),
      close: async () => {},
    },
    archiveDeadLetter: async ({ code, messageId }) => {
      throw new Error(`this test expects no archived dead letter, but the consumer archived ${messageId}: ${code}`);
    },
    clock,
    settings: readAllSettings({}),
    read: async () => undefined,
  };
  const handler = createConsumer(
    { queue: { ...queues.loans, ordered: rule.orderBy !== undefined }, event, ...rule },
    dependencies,
  );
  const run = async (...messages: (string | { id: string; headers: GivenHeaders })[]) => {
    const records = messages.map((message) =>
      typeof message === 'string'
        ? aRecord({
            id: message,
            type: 'tried',
            body: bodyOf(message),
            redelivered: true,
            headers: { 'x-acquired-count': 3 },
          })
        : aRecord({ ...message, body: bodyOf(message.id), type: 'tried' }),
    );
    const context = { getRemainingTimeInMillis: () => INVOCATION_MS };
    const report = await handler(anEvent(records, 'loans'), context).catch((error: unknown) => {
      if (error instanceof BatchUnfinishedError) return error.report;
      throw error;
    });
    return report;
  };
  /**
   * Fills the attempt log of a message: one attempt together with other messages and, for each given end time, one
   * attempt at the message alone.
   */
  const record = (id: string, ...isolatedEndByMs: number[]) =>
    store.attempts.set(id as MessageId, [
      { kind: 'together', id: 'a run together', endsByMs: ended },
      ...isolatedEndByMs.map((endsByMs, index) => ({ kind: 'isolated' as const, id: `run ${index}`, endsByMs })),
    ]);
  const lease = (id: string, leaseExpiresAtMs: number) =>
    store.markers.set(id as MessageId, {
      state: 'leased',
      owner: 'another process',
      leaseExpiresAtMs,
      queue: 'loans',
      id: id as MessageId,
      payloadHash: hash('sha256', JSON.stringify(bodyOf(id))),
      at: '2026-01-01T00:00:00.000Z',
    });
  return { store, begun, run, record, lease };
}

const ended = NOW_MS - 1;
const inProgress = NOW_MS + 1;

test('messages that may have crashed the process are first processed together again; when they complete, their entries in the attempt log are deleted', async () => {
  const { store, begun, run } = aConsumer();
  expect((await run('a', 'b', 'c')).counts.completed).toBe(3);
  expect(begun).toEqual(['together: a b c']);
  expect(store.attempts.size).toBe(0);
});

test('messages whose earlier attempts were interrupted are processed one by one, starting with those that were processed alone the fewest times', async () => {
  const { begun, run, record } = aConsumer();
  record('a', ended, ended);
  record('b');
  expect((await run('a', 'b', 'c', 'd')).counts.completed).toBe(4);
  expect(begun).toEqual(['together: c d', 'isolated: b', 'isolated: a']);
});

test('a message is dead-lettered with the code CRASH_LOOP after it was processed alone three times and the process never finished it', async () => {
  const { run, record } = aConsumer();
  record('a', ended, ended, ended);
  expect((await run('a', 'b')).notCompleted).toMatchObject([{ id: 'a', outcome: 'dead-letter', code: 'CRASH_LOOP' }]);
});

test('a message that was processed alone three times and never finished is dead-lettered only when no other Lambda execution environment can still be processing it', async () => {
  const { run, record, begun } = aConsumer();
  record('a', ended, ended, inProgress);
  expect((await run('a')).notCompleted).toMatchObject([{ id: 'a', outcome: 'unfinished', code: 'LEASED' }]);
  expect(begun).toEqual([]);
});

test('if DynamoDB was unavailable when the processing of a message ended, the attempt log of the message is deleted with the next batch', async () => {
  let isUnavailable = true;
  const { store, run } = aConsumer((real) => ({
    end: async (...args) => {
      if (isUnavailable) throw new StoreUnavailableError();
      return real.end(...args);
    },
  }));
  await run('a');
  expect(store.attempts.size).toBe(1);
  isUnavailable = false;
  await run('b');
  expect(store.attempts.size).toBe(0);
});

test('postponing a message that is processed alone keeps its earlier attempts in the attempt log and never dead-letters the message', async () => {
  const { store, run, record, begun, lease } = aConsumer(undefined, { perform: async () => {} });
  lease('a', inProgress);
  record('a', ended, ended);
  for (let times = 1; times <= 5; times += 1) {
    expect((await run('a')).notCompleted).toMatchObject([{ id: 'a', outcome: 'postponed', code: 'LEASED' }]);
    expect(begun).toHaveLength(times);
    expect(store.attempts.get('a' as MessageId)).toHaveLength(3);
  }
});

test('if all messages that are processed together are postponed because another process holds their leases, the attempt is deleted from the attempt log', async () => {
  const { store, run, begun, lease } = aConsumer(undefined, { perform: async () => {} });
  for (const id of ['a', 'b']) lease(id, inProgress);
  expect((await run('a', 'b')).counts.postponed).toBe(2);
  expect(begun).toEqual(['together: a b']);
  expect(store.attempts.size).toBe(0);
});

test('if a message that is processed alone stays unfinished because DynamoDB is unavailable, its earlier attempts stay in the attempt log', async () => {
  const { store, run, record } = aConsumer(undefined, {
    decide() {
      throw new StoreUnavailableError();
    },
  });
  record('a', ended, ended);
  expect((await run('a')).notCompleted).toMatchObject([{ id: 'a', outcome: 'unfinished' }]);
  expect(store.attempts.get('a' as MessageId)).toHaveLength(3);
});

test('a message with an expired lease may have crashed the process that held the lease, and is processed alone, even at its first delivery; a message with a released lease is not processed alone', async () => {
  const { run, begun, lease } = aConsumer();
  lease('expired', ended);
  lease('released', 0);
  const postponed = { 'x-acquired-count': 0, 'surehop-postponed': true };
  expect((await run(...['expired', 'released'].map((id) => ({ id, headers: postponed })))).counts.completed).toBe(2);
  expect(begun).toEqual(['isolated: expired']);
});

test('if a message fails while it is processed alone, the later messages with the same ordering key are postponed and not processed', async () => {
  const rule: Rule = {
    orderBy: ({ key }: { key: string }) => key,
    decide(_, { id }) {
      if (id === 'a1') throw new Error('not this time');
      return { effects: [] };
    },
  };
  const { store, begun, run, record } = aConsumer(undefined, rule);
  const ids = ['a1', 'a2', 'a3', 'b1', 'b2'];
  for (const id of ids) record(id);
  expect((await run(...ids)).notCompleted).toMatchObject([
    { id: 'a1', outcome: 'retry' },
    { id: 'a2', outcome: 'postponed', code: 'BLOCKED_BY_KEY' },
    { id: 'a3', outcome: 'postponed', code: 'BLOCKED_BY_KEY' },
  ]);
  expect(begun).toEqual(['isolated: a1', 'isolated: b1', 'isolated: b2']);
  expect([...store.attempts.keys()]).toEqual(['a2', 'a3']);
});

test('if no queue receives a follow-up event of a message that is processed alone, the later messages with the same ordering key are not postponed but processed alone too', async () => {
  const rule: Rule = {
    orderBy: ({ key }: { key: string }) => key,
    decide: (_, { id }) => ({ effects: [], events: id === 'a1' ? [emit(event, { key: 'a' })] : [] }),
  };
  const { begun, run, record } = aConsumer(undefined, rule, () => new PublishError('UNROUTABLE', 'no queue'));
  for (const id of ['a1', 'a2']) record(id);
  expect((await run('a1', 'a2', 'a3')).counts.completed).toBe(2);
  expect(begun).toEqual(['isolated: a1', 'isolated: a2', 'isolated: a3']);
});

test('a message without an ordering key does not delay the messages whose ordering key equals its id', async () => {
  const rule: Rule = {
    orderBy({ key }: { key: string }) {
      if (key === 'b') throw new Error('no key');
      return 'b';
    },
    decide: () => ({ effects: [] }),
  };
  const { begun, run, record } = aConsumer(undefined, rule);
  for (const id of ['b', 'a1', 'a2']) record(id);
  expect((await run('b', 'a1', 'a2')).counts).toMatchObject({ retry: 1, completed: 2 });
  expect(begun).toEqual(['isolated: b', 'isolated: a1', 'isolated: a2']);
});

test('if another Lambda execution environment completes a retried message before the later messages with its ordering key are postponed, the later messages are processed, and their entries in the attempt log are deleted', async () => {
  const rule: Rule = {
    orderBy: ({ key }: { key: string }) => key,
    decide(_, { id }) {
      if (id === 'a1') throw new Error('not this time');
      if (id === 'b') store.blockedKeys.delete('a');
      return { effects: [] };
    },
  };
  const { store, begun, run, record } = aConsumer(undefined, rule);
  for (const id of ['a1', 'a2', 'b']) record(id, ended);
  expect((await run('a1', 'a2', 'b')).counts).toMatchObject({ retry: 1, completed: 2 });
  expect(begun).toEqual(['isolated: a1', 'isolated: b']);
  expect(store.attempts.size).toBe(0);
});

test('if messages that must be processed alone arrive in a different order from the one recorded for their ordering key, they are processed in the recorded order', async () => {
  const rule: Rule = { orderBy: ({ key }: { key: string }) => key, decide: () => ({ effects: [] }) };
  const { store, begun, run, record } = aConsumer(undefined, rule);
  const ids = ['a1', 'a2', 'a3'] as MessageId[];
  for (const id of ids) record(id);
  store.blockedKeys.set('a', { ids, firstSeenAtMs: NOW_MS, version: { id: 'a version', parts: 0 } });
  expect((await run('a3', 'a1', 'a2')).counts.completed).toBe(3);
  expect(begun).toEqual(['isolated: a1', 'isolated: a2', 'isolated: a3']);
});
