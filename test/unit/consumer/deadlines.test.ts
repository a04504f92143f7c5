import { setTimeout as sleep } from 'node:timers/promises';

import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';

import { createConsumer, type ConsumerDefinition } from '../../../lib/consumer/consumer.ts';
import type { ConsumerDependencies } from '../../../lib/consumer/dependencies.ts';
import { BatchUnfinishedError, type BatchReport } from '../../../lib/consumer/report.ts';
import type { Decide, Perform, RuleContext } from '../../../lib/message/rule.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { emit, type Decision } from '../../../lib/inbox/decision.ts';
import { createLeases } from '../../../lib/inbox/leases.ts';
import { openInboxTable } from '../../../lib/inbox/table.ts';
import { gatedDependencies, memorySettings, type Gate } from '../../../lib/testing/gated-dependencies.ts';
import { createMemoryBroker } from '../../../lib/testing/memory-broker.ts';
import { emptyStore } from '../../../lib/testing/memory-store.ts';
import { anEvent, aRecord, firstAttempt } from '../../support/delivery.ts';
import { tables } from '../../support/example/tables.ts';
import { exchanges, queues } from '../../support/example/topology.ts';
import { named } from '../../support/store-faults.ts';

const type = 'deadlines.tested';
const event = defineEvent({ type, version: 1, exchange: exchanges.library, schema: z.object({ fails: z.boolean() }) });
const followed = defineEvent({ type: 'followed', version: 1, exchange: exchanges.library, schema: z.object({}) });
const NEVER = new Promise<never>(() => {});
const TIME_LIMIT_MS = 100;

type Definition = Pick<ConsumerDefinition<any>, 'orderBy'> &
  ({ readonly decide: Decide<any> } | { readonly perform: Perform<any> });

/** Creates a consumer with an in-memory store and broker. `gate` can delay or fail each call to the store or the broker. */
function aConsumer(definition: Definition, gate: Gate = (_, run) => run(), change: Partial<ConsumerDependencies> = {}) {
  const queue = { ...queues.loans, ordered: definition.orderBy !== undefined };
  const broker = createMemoryBroker(queue);
  const clock = { now: () => Date.now() };
  const settings = memorySettings({ MESSAGE_TIME_LIMIT_MS: String(TIME_LIMIT_MS) });
  const take = (message: Parameters<typeof broker.take>[0]) => broker.take(message, Date.now());
  const dependencies = gatedDependencies({ store: emptyStore(), clock, settings, take }, gate);
  const handler = createConsumer({ ...definition, queue, event }, { ...dependencies, ...change });
  const invocation = { leftMs: 60_000, getRemainingTimeInMillis: () => invocation.leftMs };
  const run = (...records: Parameters<typeof anEvent>[0]): Promise<BatchReport> =>
    handler(anEvent(records), invocation).catch((error: unknown) => {
      if (error instanceof BatchUnfinishedError) return error.report;
      throw error;
    });
  return { run, invocation, broker };
}

const aMessage = (fails = false, about: Parameters<typeof aRecord>[0] = {}) =>
  aRecord({ type, body: { fails }, ...about });
const lastAttempt = (fails = false) => aMessage(fails, { headers: { 'surehop-attempt': 4 } });

const decide = ({ fails }: { fails: boolean }): Decision => {
  if (fails) throw new Error('not this time');
  return { effects: [tables.loans.add({ isbn: 'a' }, 'available', 1)] };
};

describe('a DynamoDB that does not answer', () => {
  const definitions: Record<string, Definition> = {
    'decide on an ordered queue': { decide, orderBy: ({ fails }: { fails: boolean }) => `${fails}` },
    perform: { perform: async (data: { fails: boolean }) => decide(data) },
  };
  const suspected = { redelivered: true, headers: { 'surehop-attempt': 4, 'x-acquired-count': 3 } };
  const batch = () => [aMessage(true), aMessage(), aMessage(true, suspected)];

  const callsOf = async (definition: Definition) => {
    const calls = new Set<string>();
    await aConsumer(definition, ({ to }, run) => (calls.add(to), run())).run(...batch());
    return [...calls].filter((to) => !to.startsWith('broker.'));
  };

  test.each(Object.entries(definitions))(
    'a batch ends before its invocation ends, whichever request to DynamoDB is not answered (%s)',
    async (_, definition) => {
      const calls = await callsOf(definition);
      expect(calls).toEqual(expect.arrayContaining(['inbox.find', 'inbox.commit', 'inbox.claimDeadLetters']));
      for (const hanging of calls) {
        const { run, invocation } = aConsumer(definition, ({ to }, call) => {
          if (to !== hanging) return call();
          // Only little time is left at the request that is not answered.
          invocation.leftMs = 800;
          return NEVER;
        });
        const { counts } = await run(...batch());
        expect([hanging, Object.values(counts).reduce((sum, count) => sum + count)]).toEqual([hanging, 3]);
        // The progress of the queue is recorded last, when every message of the batch is settled.
        if (hanging === 'progress.record') expect(counts.unfinished).toBe(0);
      }
    },
  );
});

describe('the time limit of a business rule', () => {
  const slow = (name: string, fails: boolean): Gate =>
    async function slowGate({ to }, run, fail) {
      if (to !== name) return run();
      await sleep(3 * TIME_LIMIT_MS);
      return fails ? fail() : run();
    };

  test.each(['leases.take', 'inbox.commit'])(
    'if DynamoDB does not answer the request %s during the last attempt of a message with a perform function, the message is redelivered, not dead-lettered',
    async (request) => {
      const { run, broker } = aConsumer({ perform: async () => {} }, slow(request, true));
      const { notCompleted } = await run(lastAttempt());
      expect(notCompleted).toMatchObject([{ outcome: 'unfinished', code: 'STORE_UNAVAILABLE' }]);
      expect(broker.deadLetters).toEqual([]);
    },
  );

  test.each(['leases.take', 'inbox.commit'])(
    'a message completes although the DynamoDB request %s takes longer than the time limit for the perform function',
    async (request) => {
      const { run } = aConsumer({ perform: async () => {} }, slow(request, false));
      expect((await run(aMessage())).counts.completed).toBe(1);
    },
  );

  test('if the perform function fails and the release of the lease then times out, the retry records the error of the function, not the timeout', async () => {
    const { run } = aConsumer({ perform: async () => decide({ fails: true }) }, slow('leases.release', false));
    expect((await run(aMessage())).notCompleted).toMatchObject([{ outcome: 'retry', message: 'not this time' }]);
  });

  test('if the perform function does not return within its time limit, the message is retried', async () => {
    const { run } = aConsumer({ perform: () => NEVER });
    expect((await run(aMessage())).notCompleted).toMatchObject([{ outcome: 'retry', code: 'TIME_LIMIT' }]);
  });

  test('if the invocation has little time left when DynamoDB grants a lease, the perform function is not called and the message is redelivered with its batch', async () => {
    let calls = 0;
    const { run, invocation } = aConsumer({ perform: async () => void (calls += 1) }, async ({ to }, call) => {
      const result = await call();
      if (to === 'leases.take') invocation.leftMs = 10_000;
      return result;
    });
    expect((await run(aMessage())).notCompleted).toMatchObject([{ outcome: 'unfinished', code: 'TIME_LIMIT' }]);
    expect(calls).toBe(0);
  });

  const reading = async (_: unknown, { read }: RuleContext) => {
    await read(tables.loans, { isbn: 'a' });
    await NEVER;
    return { effects: [] };
  };

  test.each<[string, Definition]>([
    ['decide', { decide: reading }],
    ['perform', { perform: reading }],
  ])(
    'if a read in the function %s fails after the time limit because DynamoDB is unavailable, the message is redelivered with its batch, even at its last attempt',
    async (_, definition) => {
      const { run } = aConsumer(definition, slow('store.read', true));
      const { notCompleted } = await run(lastAttempt());
      expect(notCompleted).toMatchObject([{ outcome: 'unfinished', code: 'STORE_UNAVAILABLE' }]);
    },
  );

  test.each<[string, Definition]>([
    ['decide', { decide: reading }],
    ['perform', { perform: reading }],
  ])(
    'if DynamoDB answers a read in the function %s after the time limit, the message is retried',
    async (_, definition) => {
      const { run } = aConsumer(definition, slow('store.read', false));
      expect((await run(aMessage())).notCompleted).toMatchObject([{ outcome: 'retry', code: 'TIME_LIMIT' }]);
    },
  );
});

test('if the first DynamoDB requests for a lease time out, the duration of the lease counts from the request that succeeds', async () => {
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  const sent: UpdateItemCommand[] = [];
  const send = async (command: UpdateItemCommand) => {
    if (sent.push(command) > 2) return {};
    nowMs += 3_000;
    throw named('TimeoutError');
  };
  const { take } = createLeases(
    openInboxTable({
      client: { send } as unknown as DynamoDBClient,
      tablePrefix: '',
      clock: { now: () => nowMs },
      retentionDays: 14,
    }),
  );
  const lease = { ...firstAttempt, id: 'one' as MessageId, payloadHash: 'hash', owner: 'me', durationMs: 5_000 };
  expect(await take('loans', lease)).toBe(true);
  expect(sent.at(-1)!.input.ExpressionAttributeValues![':until']).toEqual({ N: String(nowMs + 5_000) });
});

test('the deadline for the publish of a follow-up event is shorter if the invocation has little time left', async () => {
  const deadlines: number[] = [];
  const { run, invocation } = aConsumer({ decide: () => ({ effects: [], events: [emit(followed, {})] }) }, undefined, {
    publisher: {
      publish: async () => {},
      publishAll: async (messages, deadlineMs) =>
        messages.map(() => {
          deadlines.push(deadlineMs!());
          invocation.leftMs -= 28_000;
          return undefined;
        }),
      close: async () => {},
    },
  });
  expect((await run(aMessage(), aMessage(), aMessage())).counts.completed).toBe(3);
  expect(deadlines).toEqual([5_000, 5_000, 2_500]);
});
