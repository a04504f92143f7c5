import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';

import { queues } from '../../../infra/topology.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import { decode, type RabbitMqRecord } from '../../../lib/consumer/delivery.ts';
import { StoreUnavailableError } from '../../../lib/runtime/errors.ts';
import { log } from '../../../lib/runtime/log.ts';
import { anEvent, aRecord, anInvocation, firstAttempt } from '../../support/delivery.ts';
import { scriptedEvent } from '../../support/scripted-consumer.ts';
import { aConsumerSetup, type ConsumerSetup } from '../../support/consumer-setup.ts';

let setup: ConsumerSetup;
beforeAll(async () => {
  // Long enough for a second batch to run during the call on a busy machine.
  setup = await aConsumerSetup({ MESSAGE_TIME_LIMIT_MS: '10000' });
});
afterAll(() => setup.remove());

/** The idempotency keys that the other system was called with. */
let calls: string[];
let duringCall: () => Promise<void> | void;
beforeEach(() => {
  calls = [];
  duringCall = () => {};
});

const run = (records: readonly RabbitMqRecord[], parts = setup.parts) =>
  createConsumer(
    {
      queue: queues.stock,
      event: scriptedEvent,
      perform: async (_, { id }) => {
        calls.push(id);
        await duringCall();
      },
    },
    parts,
  )(anEvent(records), anInvocation());

const message = (id = randomUUID(), headers = {}) =>
  aRecord({ id, type: 'test.scripted', body: { sku: 'a' }, headers });
const redelivered = (record: RabbitMqRecord) => ({ ...record, redelivered: true });

const failingCall = () => {
  throw new Error('the other system is unavailable');
};

test('perform runs once for a message that is redelivered and for a message that is published twice', async () => {
  const record = message();
  expect((await run([record])).counts.completed).toBe(1);
  expect((await run([redelivered(record)])).counts.duplicate).toBe(1);
  // A second copy by the publisher is not marked as redelivered.
  expect((await run([record])).counts.duplicate).toBe(1);
  expect(calls).toHaveLength(1);
});

test('a copy of a message that another environment has a lease of is postponed as the same attempt', async () => {
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

test('a failed message releases its lease, so that its retry copy runs without waiting', async () => {
  const id = randomUUID();
  duringCall = failingCall;
  expect((await run([message(id)])).counts.retry).toBe(1);
  duringCall = () => {};
  expect((await run([message(id, { 'surehop-attempt': 2 })])).counts.completed).toBe(1);
  expect(calls).toEqual([id, id]);
  await setup.host.drain('retry.1s');
  await setup.host.drain('stock');
});

test('a failing release of a lease does not hide the error of the rule', async () => {
  duringCall = failingCall;
  const leases = { ...setup.parts.leases, release: () => Promise.reject(new StoreUnavailableError()) };
  const warn = jest.spyOn(log(), 'warn').mockImplementation(() => {});
  const report = await run([message()], { ...setup.parts, leases });
  expect(report.notCompleted).toMatchObject([{ outcome: 'retry', message: 'the other system is unavailable' }]);
  expect(warn).toHaveBeenCalledWith('releasing a lease failed', expect.any(StoreUnavailableError));
  warn.mockRestore();
  await setup.host.drain('retry.1s');
  await setup.host.drain('stock');
});

test('a message whose process died is postponed until the lease expires and then runs again', async () => {
  const record = message();
  const { id, payloadHash } = decode(anEvent([record]))[0]!;
  await setup.parts.leases.take('stock', {
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
