import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, aRecord } from '../../support/delivery.ts';
import { useExampleTopology } from '../../support/example/use-example.ts';
import { eventually } from '../../support/eventually.ts';
import { callAsOperator } from '../../support/as-client.ts';
import { call } from '../../support/request.ts';

const emptyHistory = { ready: none(), unacknowledged: none(), deadLettered: none(), in: none(), out: none() };

function none(): null[] {
  return Array.from({ length: 60 }, () => null);
}

let backend: Backend;

beforeAll(async () => {
  useExampleTopology();
  backend = await aBackend();
  await backend.declare();
});

afterAll(() => backend.remove());

test('while the broker and DynamoDB answer, GET /healthz responds with the status alive and GET /readyz with the status ready', async () => {
  const { handler: healthz } = await import('../../../functions/operations/healthz.ts');
  const { handler: readyz } = await import('../../../functions/operations/readyz.ts');
  expect(await call(healthz, { route: 'GET /healthz' })).toMatchObject({ status: 200, body: { status: 'alive' } });
  for (let time = 0; time < 2; time += 1)
    expect(await call(readyz, { route: 'GET /readyz' })).toMatchObject({
      status: 200,
      body: { status: 'ready', breakers: { broker: 'closed', store: 'closed' } },
    });
});

test('GET /status returns the number of messages in each work queue and each delay queue, and the number of dead letters in the archive', async () => {
  const { handler: status } = await import('../../../functions/operations/status.ts');
  const { handler: archive } = await import('../../../functions/dead-letters/archive.ts');
  const { inboxTableOf } = await import('../../../lib/inbox/table.ts');
  const { createQueueProgress } = await import('../../../lib/consumer/progress.ts');
  const oldestMessage = { publishedAt: '2026-11-22T12:00:00.000Z', asOf: '2026-11-22T12:00:05.000Z' };
  const progress = { oldestPublishedAt: oldestMessage.publishedAt, at: oldestMessage.asOf };
  await createQueueProgress(inboxTableOf(await backend.surehop())).record('loans', progress);
  const { channel } = backend.host;
  channel.sendToQueue('loans', Buffer.from('{}'), { persistent: true });
  channel.sendToQueue('loans', Buffer.from('{}'), { persistent: true });
  await channel.consume('notices', () => {});
  channel.sendToQueue('notices', Buffer.from('{}'), { persistent: true });
  const death = { 'x-death': [{ queue: 'notices', reason: 'expired', count: 1, time: 1_795_345_200 }] };
  await archive(anEvent([aRecord({ headers: death }), aRecord({ headers: death })], 'dead-letters'));

  // The broker reports the figures of each queue at a time of its own, so each of them can be null at first.
  const body = await eventually('the figures of every queue in the management API', async () => {
    const got = await callAsOperator(status, { route: 'GET /status' });
    expect(got.status).toBe(200);
    const [loans, notices] = got.body.queues;
    const reported = loans.retrying !== null && notices.retrying !== null && got.body.deadLetters.ready !== null;
    return reported && loans.ready === 2 && notices.unacknowledged === 1 ? got.body : undefined;
  });
  expect(body.queues).toEqual([
    {
      name: 'loans',
      ready: 2,
      unacknowledged: 0,
      delayed: 0,
      consumers: 0,
      retrying: 0,
      deadLettered: 0,
      oldestMessage,
      delayQueues: ['retry.1s', 'retry.2s', 'retry.4s'],
      history: emptyHistory,
    },
    {
      name: 'notices',
      ready: 0,
      unacknowledged: 1,
      delayed: 0,
      consumers: 1,
      retrying: 0,
      deadLettered: 2,
      oldestMessage: null,
      delayQueues: ['retry.1s', 'retry.2s', 'retry.4s'],
      history: emptyHistory,
    },
  ]);
  expect(body.delayQueues).toEqual([
    { name: 'retry.1s', delayMs: 1_000, waiting: 0, history: { waiting: none() } },
    { name: 'retry.2s', delayMs: 2_000, waiting: 0, history: { waiting: none() } },
    { name: 'retry.4s', delayMs: 4_000, waiting: 0, history: { waiting: none() } },
  ]);
  expect(body.deadLetters).toEqual({ ready: 0, unacknowledged: 0, delayed: 0, open: 2, openIsAtLeast: false });
});
