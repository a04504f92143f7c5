import { expect, test } from '@jest/globals';
import * as z from 'zod';

import { exchanges, queues } from '../../support/example/topology.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import type { ConsumerLimits } from '../../../lib/consumer/limits.ts';
import type { ConsumerDependencies } from '../../../lib/consumer/dependencies.ts';
import type { Decide } from '../../../lib/message/rule.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import type { Message } from '../../../lib/events/message.ts';
import { RetryAfterError } from '../../../lib/runtime/errors.ts';
import { readAllSettings } from '../../../lib/settings.ts';
import { emptyStore, memoryPorts } from '../../../lib/testing/memory-store.ts';
import { anEvent, anInvocation, aRecord, type GivenHeaders } from '../../support/delivery.ts';

const NOW_MS = Date.parse('2026-11-22T13:00:00Z');
const event = defineEvent({ type: 'limited', version: 1, exchange: exchanges.library, schema: z.object({}) });
/** The work queue `loans`, which has the retry delays 1 s, 2 s and 4 s. */
const queue = queues.loans;

const someDependencies = ({
  store = emptyStore(),
  clock = { now: () => NOW_MS },
  published = [] as Message[],
} = {}): ConsumerDependencies => ({
  ...memoryPorts(store, clock),
  publisher: {
    publish: async () => {},
    publishAll: async (messages) => {
      published.push(...messages);
      return messages.map(() => undefined);
    },
    close: async () => {},
  },
  archiveDeadLetter: ({ code, messageId }) =>
    Promise.reject(
      new Error(`this test expects no archived dead letter, but the consumer archived ${messageId}: ${code}`),
    ),
  clock,
  settings: readAllSettings({}),
  read: async () => undefined,
});

function aConsumer(limits: ConsumerLimits, decide: Decide<object>) {
  const published: Message[] = [];
  const handler = createConsumer({ queue, event, decide, ...limits }, someDependencies({ published }));
  const run = (...messages: GivenHeaders[]) =>
    handler(anEvent(messages.map((headers) => aRecord({ type: 'limited', headers }))), anInvocation());
  return { run, published };
}

const failing = () => {
  throw new Error('not this time');
};
const attempt = (number: number) => ({ 'surehop-attempt': number });

test.each<[limits: ConsumerLimits, attempt: number, destination: string]>([
  [{}, 3, 'retry.4s'],
  [{}, 4, 'dead-letters'],
  [{ attempts: 1 }, 1, 'dead-letters'],
  [{ attempts: 2 }, 1, 'retry.1s'],
  [{ attempts: 2 }, 2, 'dead-letters'],
  [{ attempts: 6 }, 4, 'retry.4s'],
  [{ attempts: 6 }, 5, 'retry.4s'],
  [{ attempts: 6 }, 6, 'dead-letters'],
])(
  'with the limits %j, the failed attempt %i of a message is followed by a copy to %s',
  async (limits, number, destination) => {
    const { run, published } = aConsumer(limits, failing);
    await run(attempt(number));
    expect(published.map(({ exchange }) => exchange)).toEqual([destination]);
  },
);

test.each<[delayMs: number, delayQueue: string]>([
  [0, 'retry.1s'],
  [1_500, 'retry.2s'],
  [2_000, 'retry.2s'],
  [60_000, 'retry.4s'],
])(
  'a rule that asks for a delay of %i ms is retried after the shortest delay that is not shorter, or after the longest delay: %s',
  async (delayMs, delayQueue) => {
    const { run, published } = aConsumer({}, () => {
      throw new RetryAfterError('LATER', 'not yet', delayMs);
    });
    await run(attempt(1));
    expect(published.map(({ exchange }) => exchange)).toEqual([delayQueue]);
  },
);

const ago = (ms: number) => new Date(NOW_MS - ms).toISOString();

test.each<[what: string, headers: GivenHeaders, outcome: 'completed' | 'dead-letter']>([
  ['a young message is processed', { 'surehop-published-at': ago(3_600_000) }, 'completed'],
  ['an old message is dead-lettered', { 'surehop-published-at': ago(3_600_001) }, 'dead-letter'],
  [
    'an old message that was redriven recently is processed',
    { 'surehop-published-at': ago(9_000_000), 'surehop-redriven-at': ago(1_000), 'surehop-redrives': 1 },
    'completed',
  ],
  // The AMQP timestamp of all messages in this test is 12:33:41.
  ['the AMQP timestamp counts if the message has no publish time of its own', {}, 'completed'],
])('with a maximum age of one hour, %s', async (_, headers, outcome) => {
  let calls = 0;
  const { run, published } = aConsumer({ maxAge: '1h' }, () => {
    calls += 1;
    return { effects: [] };
  });
  const report = await run(headers);
  expect(report.counts[outcome]).toBe(1);
  expect(calls).toBe(outcome === 'completed' ? 1 : 0);
  expect(published.map(({ properties }) => properties.headers['surehop-dead-letter-code'])).toEqual(
    outcome === 'completed' ? [] : ['TOO_OLD'],
  );
});

test('a message without a publish time is dead-lettered as TOO_OLD if its AMQP timestamp is too old', async () => {
  const { run } = aConsumer({ maxAge: '10m' }, () => ({ effects: [] }));
  expect((await run({})).notCompleted).toMatchObject([{ outcome: 'dead-letter', code: 'TOO_OLD' }]);
});

test('a completed message that is redelivered is a duplicate, even if the message has exceeded the maximum age in the meantime', async () => {
  const record = aRecord({ type: 'limited', headers: { 'surehop-published-at': ago(0) } });
  let nowMs = NOW_MS;
  const dependencies = someDependencies({ clock: { now: () => nowMs } });
  const definition = { queue, event, decide: () => ({ effects: [] }), maxAge: '1m' };
  await createConsumer(definition, dependencies)(anEvent([record]), anInvocation());
  nowMs += 120_000;
  // A second consumer remembers nothing, and the broker does not mark the copy as redelivered.
  const report = await createConsumer(definition, dependencies)(anEvent([record]), anInvocation());
  expect(report.counts).toMatchObject({ duplicate: 1, 'dead-letter': 0 });
});

test('a consumer runs at most as many rules concurrently as its concurrency allows', async () => {
  let running = 0;
  let most = 0;
  const { run } = aConsumer({ concurrency: 2 }, async () => {
    most = Math.max(most, (running += 1));
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    return { effects: [] };
  });
  expect((await run({}, {}, {}, {}, {})).counts.completed).toBe(5);
  expect(most).toBe(2);
});

test('a rule that exceeds the time limit of its consumer is retried with the reason TIME_LIMIT', async () => {
  const { run } = aConsumer({ timeLimit: '20ms' }, () => new Promise(() => {}));
  expect((await run({})).notCompleted).toMatchObject([{ outcome: 'retry', code: 'TIME_LIMIT' }]);
});

test.each<[limits: ConsumerLimits, error: string]>([
  [{ timeLimit: '20' }, 'timeLimit "20": it must be a duration of at most 10m, such as "500ms" or "20s"'],
  [{ timeLimit: '11m' }, 'timeLimit "11m": it must be a duration of at most 10m, such as "500ms" or "20s"'],
  [{ concurrency: 0 }, 'concurrency 0: it must be a whole number from 1 to 1000'],
  [{ attempts: 1.5 }, 'attempts 1.5: it must be a whole number from 1 to 999'],
  [{ maxAge: 'a day' }, 'maxAge "a day": it must be a duration, such as "10m" or "24h"'],
])('creating a consumer with the invalid limits %j fails', (limits, error) => {
  expect(() => aConsumer(limits, failing)).toThrow(`the consumer of the queue loans has ${error}`);
});
