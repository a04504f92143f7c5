import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { anEvent, aRecord } from '../../support/delivery.ts';
import { openStore, type TestStore } from '../../support/store.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';
import { queues, topology } from '../../support/example/topology.ts';
import { eventually } from '../../support/eventually.ts';
import { archiveBatch } from '../../../lib/dead-letters/archive.ts';
import { createKnownValues } from '../../../lib/dead-letters/known-values.ts';
import { queueStatus } from '../../../lib/operations/status.ts';
import { reportQueues } from '../../../lib/operations/report-queues.ts';
import { declareTopology } from '../../../lib/rabbitmq/topology/declare.ts';
import { createSurehop, type Surehop } from '../../../lib/runtime/surehop.ts';

let host: VirtualHost;
let store: TestStore;
let surehop: Surehop;
let report: () => Promise<void>;
let status: ReturnType<typeof queueStatus>;

beforeAll(async () => {
  host = await aVirtualHost();
  await declareTopology(host.amqpUrl, topology);
  store = await openStore();
  surehop = createSurehop({
    environment: {
      AMQP_URL: host.amqpUrl,
      MANAGEMENT_URL: process.env['MANAGEMENT_URL'],
      TABLE_PREFIX: store.prefix,
      LOG_LEVEL: 'ERROR',
      POWERTOOLS_METRICS_DISABLED: 'true',
    },
    clients: { dynamodb: store.client },
    clock: store.clock,
  });
  report = reportQueues(surehop, queues);
  status = queueStatus(surehop, queues);
});

afterAll(async () => {
  await store.close();
  await host.remove();
});

const samples = () => store.all('queue-samples');
const ask = async () => {
  const notes: object[] = [];
  const { body } = (await status({ note: (fields) => void notes.push(fields) })) as { body: any };
  expect(notes).toEqual([]);
  return body;
};

/**
 * Invokes the function `report-queues` until the sample of the current minute meets a condition, because the broker
 * updates its counts with a delay.
 */
const sampled = (what: string, isMet: (loans: Record<string, number | null>, waiting: number | null) => boolean) =>
  eventually(what, async () => {
    await report();
    const newest = (await samples())
      .map(({ sample }) => JSON.parse(sample!.S!))
      .toSorted(byTime)
      .at(-1);
    return isMet(newest.queues.loans, newest.delayQueues['retry.1s']);
  });

const byTime = (one: { takenAt: string }, other: { takenAt: string }) => (one.takenAt < other.takenAt ? -1 : 1);

test('GET /status returns how many messages per minute arrived in a queue and left the queue, including retries that come from a delay queue', async () => {
  await sampled('the figures of the empty queue', ({ ready, unacknowledged }) => ready === 0 && unacknowledged === 0);
  for (let message = 0; message < 4; message += 1)
    host.channel.sendToQueue('loans', Buffer.from('x'), { persistent: true });
  host.channel.publish('retry.1s', 'loans', Buffer.from('x'), { persistent: true });
  await host.channel.consume('loans', (message) => message?.content && host.channel.ack(message));
  store.clock.advance(60_000);
  await sampled(
    'the acknowledgements',
    ({ acknowledged, ready }, waiting) => acknowledged === 5 && ready === 0 && waiting === 0,
  );

  const { minutes, queues: shown, delayQueues } = await ask();
  expect(minutes).toHaveLength(60);
  expect(minutes.at(-1)).toBe(new Date(Math.floor(store.clock.now() / 60_000) * 60_000).toISOString());
  const { history } = shown[0];
  expect([history.in.at(-1), history.out.at(-1), history.ready.slice(-2)]).toEqual([5, 5, [0, 0]]);
  expect(history.out.slice(0, -1)).toEqual(Array.from({ length: 59 }, () => null));
  expect([delayQueues[0].name, delayQueues[0].history.waiting.at(-1)]).toEqual(['retry.1s', 0]);
});

test('report-queues writes one item per minute, which DynamoDB deletes after a day', async () => {
  const before = (await samples()).length;
  store.clock.advance(60_000);
  await report();
  await report();
  const all = await samples();
  expect(all).toHaveLength(before + 1);
  const newest = all.toSorted((one, other) => (one.minute!.S! < other.minute!.S! ? -1 : 1)).at(-1)!;
  expect(Number(newest.expiresAt!.N)).toBe(Math.floor(store.clock.now() / 1_000) + 86_400);
});

test('each run of the function report-queues records the number of open dead letters of every queue', async () => {
  const table = { client: store.client, tablePrefix: store.prefix, retentionDays: 90 };
  const death = { 'x-death': [{ queue: 'notices', reason: 'expired', count: 1, time: 1_795_345_200 }] };
  await archiveBatch(
    {
      table,
      queues: Object.values(queues),
      knownValues: createKnownValues(table, Object.values(queues)),
      clock: store.clock,
    },
    anEvent([aRecord({ headers: death }), aRecord({ headers: death })], 'dead-letters'),
  );
  store.clock.advance(60_000);
  await report();
  const [loans, notices] = (await ask()).queues;
  expect([loans.history.deadLettered.at(-1), notices.history.deadLettered.at(-1)]).toEqual([0, 2]);
});

test('while DynamoDB is unavailable, GET /status returns the figures of the broker, and every number in the histories of the queues is null', async () => {
  const unreachable = createSurehop({
    environment: {
      AMQP_URL: host.amqpUrl,
      MANAGEMENT_URL: process.env['MANAGEMENT_URL'],
      DYNAMODB_ENDPOINT: 'http://127.0.0.1:9',
      LOG_LEVEL: 'ERROR',
    },
    clock: store.clock,
  });
  const noted: Record<string, unknown> = {};
  const { body } = (await queueStatus(
    unreachable,
    queues,
  )({ note: (fields) => void Object.assign(noted, fields) })) as {
    body: any;
  };
  expect(Object.keys(noted).toSorted()).toEqual(['historyUnknown', 'notCounted', 'progressUnknown']);
  expect(body.queues[0]).toMatchObject({ name: 'loans', consumers: 1, deadLettered: null });
  expect(new Set(body.queues[0].history.out)).toEqual(new Set([null]));
});
