import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { toDeadLetter } from '../../../lib/archive/dead-letter.ts';
import { storeDeadLetter } from '../../../lib/archive/store-dead-letter.ts';
import { dryRun } from '../../../lib/dead-letters/dry-run.ts';
import { cancelJob, createJob, readJob } from '../../../lib/dead-letters/job-requests.ts';
import type { Redriving } from '../../../lib/dead-letters/redrive.ts';
import { runJob } from '../../../lib/dead-letters/run-job.ts';
import { PublishError } from '../../../lib/runtime/errors.ts';
import { aDelivery } from '../../support/delivery.ts';
import { eventually } from '../../support/eventually.ts';
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
let fault: PublishError | undefined;

/** Creates the dependencies of a redrive or discard job, with a fake publisher that only records the messages. */
const redriving = (): Redriving => ({
  table: table(),
  queues: [queues.loans],
  publisher: () => ({
    publish: async () => {},
    publishAll: async (copies) =>
      copies.map(({ properties }) => {
        if (fault) return fault;
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

/** Calls `run` once, immediately before the next DynamoDB request in which a job stores the result of a step. */
function beforeNextResult(run: () => Promise<unknown>): void {
  const { client } = store;
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const input = args.input as { UpdateExpression?: string };
        if (commandName === 'UpdateItemCommand' && input.UpdateExpression?.includes('progress')) {
          client.middlewareStack.remove('before');
          await run();
        }
        return next(args);
      },
    { step: 'initialize', name: 'before' },
  );
}

const step = (id: string) => runJob(redriving(), id, () => 30_000);

/**
 * Runs one step of a redrive job. The step redrives dead letters and then fails before it stores the progress of the
 * job.
 */
async function diesAfterRedrive(id: string): Promise<void> {
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
}

test('while the broker is unavailable, a job waits and counts no dead letter as failed or skipped, and when the broker is back, the job redrives each dead letter exactly once', async () => {
  await archived('one', 'AWAY');
  await archived('two', 'AWAY');
  await archived('old', 'AWAY', 100);
  const id = await aJob('AWAY');
  fault = new PublishError('BROKER_UNAVAILABLE', 'the broker is unavailable');
  for (let time = 0; time < 2; time += 1)
    expect(await step(id)).toMatchObject({
      status: 'running',
      progress: { done: 0, failed: 0, skipped: {}, error: 'BROKER_UNAVAILABLE: the broker is unavailable' },
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
  await diesAfterRedrive(id);
  expect(await step(id)).toBeUndefined();
  store.clock.advance(61_000);
  expect(await step(id)).toMatchObject({ status: 'done' });
  expect(published).toEqual(['three']);
  expect(await readJob(table(), id)).toMatchObject({ status: 'done' });
});

test('a dry run that is continued in several requests counts every matching dead letter exactly once', async () => {
  for (let number = 0; number < 7; number += 1) await archived(`many-${number}`, 'MANY', number === 3 ? 100 : number);
  await archived('another', 'OTHER');
  const order = { action: 'redrive', filter: { code: 'MANY' }, maximum: 1_000, force: false } as const;
  const limits = { examined: 2, remainingMs: () => 30_000 };
  const results = [];
  let position: string | undefined;
  do {
    const result = await dryRun(redriving(), order, position, limits);
    results.push(result);
    position = result.position;
  } while (position !== undefined);
  expect(results.map(({ count, skipped }) => count + skipped.length)).toEqual([2, 2, 2, 1]);
  expect(results.reduce((sum, { count }) => sum + count, 0)).toBe(6);
  expect(results.flatMap(({ skipped }) => skipped)).toMatchObject([{ reason: 'too-old' }]);
  expect(await dryRun(redriving(), { ...order, filter: { code: 'NONE' } }, undefined, limits)).toEqual({
    count: 0,
    skipped: [],
  });
  // When little time is left, a request still examines one page.
  const hurried = { examined: 2, remainingMs: () => 0 };
  expect(await dryRun(redriving(), order, undefined, hurried)).toMatchObject({ position: expect.any(String) });
});

test('a forced redrive job whose process died is continued by another process and does not redrive a dead letter twice', async () => {
  published.length = 0;
  const id = await archived('again', 'AGAIN');
  const order = { action: 'redrive', ids: [id], maximum: 10, force: true, ratePerSecond: 1_000 } as const;
  const run = async (jobId: string) => {
    await createJob(table(), jobId, { ...order, reason: 'a test', requestedBy: 'ada' }, store.clock.now());
    return jobId;
  };
  await step(await run(`job-${randomUUID()}`));
  store.clock.advance(1_000);
  const second = await run(`job-${randomUUID()}`);
  await diesAfterRedrive(second);
  store.clock.advance(61_000);
  expect(await step(second)).toMatchObject({ status: 'done', progress: { skipped: { 'already-redriven': 1 } } });
  expect(published).toEqual(['again', 'again']);
});

test('a job that is cancelled while it pauses between two steps runs no further step', async () => {
  published.length = 0;
  const ids = [await archived('paused-1', 'PAUSED'), await archived('paused-2', 'PAUSED')];
  const id = `job-${randomUUID()}`;
  const order = { action: 'redrive', ids, maximum: 10, force: false, ratePerSecond: 1 } as const;
  await createJob(table(), id, { ...order, reason: 'a test', requestedBy: 'ada' }, store.clock.now());
  const running = step(id);
  await eventually('the first step', async () => (await readJob(table(), id)).progress.done === 1);
  expect(await cancelJob(table(), id, store.clock.now())).toMatchObject({ status: 'cancelled' });
  await running;
  expect(published).toEqual(['paused-1']);
  expect(await readJob(table(), id)).toMatchObject({ status: 'cancelled', progress: { done: 1 } });
  expect(await step(id)).toBeUndefined();
});

test('if a job is cancelled during its last step, the progress of the job includes this step, and the job stays cancelled', async () => {
  published.length = 0;
  await archived('last', 'LAST');
  const id = await aJob('LAST');
  beforeNextResult(() => cancelJob(table(), id, store.clock.now()));
  expect(await step(id)).toMatchObject({ status: 'cancelled', progress: { done: 1 } });
  expect(published).toEqual(['last']);
  expect(await readJob(table(), id)).toMatchObject({ status: 'cancelled', progress: { done: 1 } });
});
