import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';

import { toDeadLetter } from '../../../lib/archive/dead-letter.ts';
import { fromRecord } from '../../../lib/archive/record.ts';
import { storeDeadLetter } from '../../../lib/archive/store-dead-letter.ts';
import { createDeadLetters, type DeadLetters } from '../../../lib/dead-letters/dead-letters.ts';
import type { JobOrder } from '../../../lib/dead-letters/job.ts';
import { cancelJob, createJob, readJob } from '../../../lib/dead-letters/job-requests.ts';
import { createSurehop } from '../../../lib/runtime/surehop.ts';
import { aDelivery } from '../../support/delivery.ts';
import { queues } from '../../support/example/topology.ts';
import { openStore, type TestStore } from '../../support/store.ts';

const STEP_MS = 10_000;

let store: TestStore;
let deadLetters: DeadLetters;
let leftMs: number;
const published: string[] = [];

beforeAll(async () => {
  jest.spyOn(console, 'error').mockImplementation(() => {});
  store = await openStore();
  const surehop = createSurehop({
    environment: {
      TABLE_PREFIX: store.prefix,
      AMQP_URL: 'amqp://broker.test',
      LOG_LEVEL: 'ERROR',
      POWERTOOLS_METRICS_DISABLED: 'true',
    },
    clients: {
      dynamodb: store.client,
      publisher: {
        publish: async () => {},
        publishAll: async (copies) => {
          leftMs -= STEP_MS;
          store.clock.advance(STEP_MS);
          published.push(...copies.map(({ properties }) => String(properties.messageId)));
          return copies.map(() => undefined);
        },
        close: async () => {},
      },
    },
    clock: store.clock,
  });
  deadLetters = createDeadLetters(surehop, { loans: queues.loans });
});
afterAll(async () => {
  jest.restoreAllMocks();
  await store.close();
});
beforeEach(() => {
  published.length = 0;
});

const table = () => ({ client: store.client, tablePrefix: store.prefix, retentionDays: 90 });

const continueJobs = (remainingMs: number) => {
  leftMs = remainingMs;
  return deadLetters.continueJobs()({}, { getRemainingTimeInMillis: () => leftMs });
};

/** Archives a dead letter for each message id, and creates a redrive job for these dead letters. */
async function aJob(messageIds: readonly string[], about: Partial<JobOrder> = {}) {
  const ids: string[] = [];
  for (const id of messageIds) {
    const at = new Date(store.clock.now()).toISOString();
    const delivery = aDelivery({ id, headers: { 'surehop-published-at': at } });
    const origin = { id: randomUUID(), queue: 'loans', code: 'BOOM', reason: 'no answer', deadLetteredAt: at };
    await storeDeadLetter(toDeadLetter(delivery, origin, store.clock.now()), delivery, table());
    ids.push(origin.id);
  }
  store.clock.advance(1);
  const order = { action: 'redrive', ids, maximum: 1_000, force: false, ratePerSecond: 1 } as const;
  const id = `job-${randomUUID()}`;
  await createJob(table(), id, { ...order, reason: 'a test', requestedBy: 'ada', ...about }, store.clock.now());
  return { id, ids };
}

/** Makes the stored message of a dead letter unreadable. */
async function damage(id: string | undefined): Promise<void> {
  for (const item of await store.all('dead-letters'))
    if (item['id']?.S === id && item['bytes']) await store.put('dead-letters', { ...item, bytes: { B: Buffer.of(0) } });
}

test('if one job fails, the function that continues jobs records the error in this job, continues the other jobs, and only then throws an error', async () => {
  const older = await aJob(['older']);
  const broken = await aJob(['broken']);
  const newer = await aJob(['newer']);
  await damage(broken.ids[0]);
  await expect(continueJobs(50_000)).rejects.toThrow(/1 of the jobs/);
  for (const { id } of [older, newer]) expect(await readJob(table(), id)).toMatchObject({ status: 'done' });
  const job = await readJob(table(), broken.id);
  expect(job).toMatchObject({ status: 'running', progress: { done: 0, error: expect.any(String) } });
  expect(published).toEqual(['older', 'newer']);
  // The failed process keeps no lease on the job.
  await cancelJob(table(), broken.id, store.clock.now());
  expect(await continueJobs(50_000)).toBeUndefined();
});

test('a job whose DynamoDB item is invalid is left out of the list of jobs, and does not stop the other jobs', async () => {
  const invalid = await aJob(['of the invalid job']);
  const valid = await aJob(['of the valid job']);
  const items = await store.all('dead-letters');
  const item = items.find(({ id, part }) => id?.S === invalid.id && part?.N === '-2')!;
  await store.put('dead-letters', { ...item, order: { S: 'no JSON' } });
  await continueJobs(50_000);
  expect(published).toEqual(['of the valid job']);
  const { jobs } = ((await deadLetters.jobs()) as { body: { jobs: { id: string }[] } }).body;
  expect(jobs.map(({ id }) => id)).toContain(valid.id);
  expect(jobs.map(({ id }) => id)).not.toContain(invalid.id);
  await store.put('dead-letters', item);
  await cancelJob(table(), invalid.id, store.clock.now());
});

test('if the history of a dead letter contains an entry that is not JSON, the history is read without this entry', async () => {
  const { id, ids } = await aJob(['with an invalid history']);
  await continueJobs(50_000);
  await cancelJob(table(), id, store.clock.now());
  const items = await store.all('dead-letters');
  const item = items.find((each) => each['id']?.S === ids[0] && each['part']?.N === '0')!;
  const history = item['history']!.L!;
  expect(history).not.toHaveLength(0);
  await store.put('dead-letters', { ...item, history: { L: [{ S: 'no JSON' }, ...history] } });
  expect(fromRecord((await store.get('dead-letters', { id: item['id']!, part: item['part']! }))!).history).toHaveLength(
    history.length,
  );
});

test('a long-running job does not use up the whole invocation: a job that was started later completes in the same invocation', async () => {
  const long = await aJob(['1', '2', '3', '4', '5', '6', '7', '8']);
  const short = await aJob(['short']);
  await continueJobs(60_000);
  expect(await readJob(table(), short.id)).toMatchObject({ status: 'done' });
  expect(await readJob(table(), long.id)).toMatchObject({ status: 'running', position: '3' });
  expect(published).toEqual(['1', '2', '3', 'short']);
  await continueJobs(60_000);
  expect(published.slice(4)).toEqual(['4', '5', '6', '7', '8']);
  expect(await readJob(table(), long.id)).toMatchObject({ status: 'done', progress: { done: 8 } });
});

test('a running job is continued even if 60 newer jobs were started, and GET /dead-letters/jobs lists the running job in addition to the 50 newest jobs', async () => {
  const { id } = await aJob(['first']);
  for (let number = 0; number < 60; number += 1) {
    const newer = await aJob([], { ids: ['none'] });
    await cancelJob(table(), newer.id, store.clock.now());
  }
  const { jobs } = ((await deadLetters.jobs()) as { body: { jobs: { id: string; status: string }[] } }).body;
  expect(jobs).toHaveLength(51);
  expect(jobs[50]).toMatchObject({ id, status: 'running' });
  await continueJobs(50_000);
  expect(published).toEqual(['first']);
  expect(await readJob(table(), id)).toMatchObject({ status: 'done' });
});
