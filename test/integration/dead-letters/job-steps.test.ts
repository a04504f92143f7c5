import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { toDeadLetter } from '../../../lib/archive/dead-letter.ts';
import { storeDeadLetter } from '../../../lib/archive/store-dead-letter.ts';
import { createJob, readJob } from '../../../lib/dead-letters/job.ts';
import type { Redriving } from '../../../lib/dead-letters/redrive.ts';
import { runJob } from '../../../lib/dead-letters/run-job.ts';
import { PublishError } from '../../../lib/runtime/errors.ts';
import { aDelivery } from '../../support/delivery.ts';
import { queues } from '../../support/example/topology.ts';
import { openStore, type TestStore } from '../../support/store.ts';

let store: TestStore;
beforeAll(async () => {
  store = await openStore();
});
afterAll(() => store.close());

const table = () => ({ client: store.client, tablePrefix: store.prefix, retentionDays: 90 });
const DAY_MS = 86_400_000;

const published: string[] = [];
let fault: Error | undefined;

/**
 * Creates the dependencies of a redrive or discard job, whose publisher records the messages instead of sending them.
 */
const redriving = (): Redriving => ({
  table: table(),
  queues: [queues.loans],
  publisher: () => ({
    publish: async () => {},
    publishAll: async (copies) =>
      copies.map(({ properties }) => {
        if (fault) return fault as PublishError;
        published.push(String(properties.messageId));
        return undefined;
      }),
    close: async () => {},
  }),
  clock: store.clock,
  inboxSettings: { INBOX_RETENTION_DAYS: 14, INBOX_COMPLETE_SINCE: undefined },
});

async function archived(id: string, code: string, ageDays = 0): Promise<string> {
  const at = new Date(store.clock.now() - ageDays * DAY_MS - 60_000).toISOString();
  const delivery = aDelivery({ id, headers: { 'surehop-published-at': at } });
  const origin = { id: randomUUID(), queue: 'loans', code, reason: 'no answer', deadLetteredAt: at };
  await storeDeadLetter(toDeadLetter(delivery, origin, store.clock.now()), delivery, table());
  return origin.id;
}

async function aJob(code: string): Promise<string> {
  const id = `job-${randomUUID()}`;
  await createJob(
    table(),
    id,
    {
      action: 'redrive',
      filter: { code },
      maximum: 1_000,
      force: false,
      ratePerSecond: 1_000,
      reason: 'a test',
      requestedBy: 'ada',
    },
    store.clock.now(),
  );
  return id;
}

const step = (id: string) => runJob(redriving(), id, () => 30_000);

test('while the broker is unavailable, a job waits and counts nothing as failed or skipped, and later the job redrives everything exactly once', async () => {
  await archived('one', 'AWAY');
  await archived('two', 'AWAY');
  await archived('old', 'AWAY', 100);
  const id = await aJob('AWAY');
  fault = new PublishError('BROKER_UNAVAILABLE', 'the broker is away');
  for (let time = 0; time < 2; time += 1)
    expect(await step(id)).toMatchObject({
      status: 'running',
      progress: { done: 0, failed: 0, skipped: {}, error: 'BROKER_UNAVAILABLE: the broker is away' },
    });
  expect(published).toEqual([]);
  fault = undefined;
  expect(await step(id)).toMatchObject({ status: 'done', progress: { done: 2, failed: 0, skipped: { 'too-old': 1 } } });
  expect(published.toSorted()).toEqual(['one', 'two']);
});

test('if the process of a job dies, another process continues the job when the lease has expired, and publishes no dead letter that is already recorded as redriven', async () => {
  published.length = 0;
  await archived('three', 'DIED');
  const id = await aJob('DIED');
  // The archive records the redrive, and the process dies before it stores the result of the step.
  const { client } = store;
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const input = args.input as { UpdateExpression?: string };
        if (commandName === 'UpdateItemCommand' && input.UpdateExpression?.includes('progress'))
          throw new Error('the process dies');
        return next(args);
      },
    { step: 'initialize', name: 'dies' },
  );
  try {
    await expect(step(id)).rejects.toThrow();
  } finally {
    client.middlewareStack.remove('dies');
  }
  expect(await step(id)).toBeUndefined();
  store.clock.advance(61_000);
  expect(await step(id)).toMatchObject({ status: 'done' });
  expect(published).toEqual(['three']);
  expect(await readJob(table(), id)).toMatchObject({ status: 'done' });
});
