import { expect, test } from '@jest/globals';

import { historiesOf } from '../../../lib/operations/queue-history.ts';
import { statusOf } from '../../../lib/operations/queue-status.ts';

const delayQueue = (name: string) => ({ name, delayMs: 1_000 });
const shared = [delayQueue('retry.1s'), delayQueue('retry.2s')];
const queue = (name: string, delays = shared, shards = [name]) => {
  return { name, shards, ordered: false, delays, deadLetterExchange: 'dead-letters', bindings: [] };
};
const none = { byQueue: new Map(), isAtLeast: false };
const unread = new Map();
const noHistory = historiesOf([], Date.parse('2026-11-22T12:00:00.000Z'));
const figures = (name: string, ready: number, unacknowledged = 0) => ({ name, ready, unacknowledged, consumers: 1 });

test('while several work queues share a delay queue that is not empty, the number of retrying messages of each of them is null', () => {
  const queues = [queue('loans'), queue('notices'), queue('own', [delayQueue('retry.own')])];
  const waiting = (inShared: number) =>
    statusOf(
      queues,
      'dead-letters',
      [figures('retry.1s', inShared), figures('retry.2s', 0), figures('retry.own', 3, 1)],
      none,
      unread,
      noHistory,
    );
  expect(waiting(2).queues.map(({ retrying }) => retrying)).toEqual([null, null, 4]);
  expect(waiting(0).queues.map(({ retrying }) => retrying)).toEqual([0, 0, 4]);
  expect(waiting(2).delayQueues).toMatchObject([
    { name: 'retry.1s', delayMs: 1_000, waiting: 2 },
    { name: 'retry.2s', delayMs: 1_000, waiting: 0 },
    { name: 'retry.own', delayMs: 1_000, waiting: 4 },
  ]);
});

test('a figure in the status of a queue is null, and not 0, while the broker does not report it', () => {
  const [status] = statusOf([queue('loans')], 'dead-letters', [{ name: 'loans' }], none, unread, noHistory).queues;
  expect(status).toMatchObject({
    name: 'loans',
    ready: null,
    unacknowledged: null,
    delayed: null,
    consumers: null,
    retrying: null,
    deadLettered: 0,
    oldestMessage: null,
  });
});

test('the status of a queue contains the number of its open dead letters, or null while the store is unavailable', () => {
  const open = {
    byQueue: new Map([
      ['loans', 2],
      ['', 1],
    ]),
    isAtLeast: true,
  };
  expect(
    statusOf([queue('loans')], 'dead-letters', [figures('dead-letters', 5)], open, unread, noHistory),
  ).toMatchObject({
    queues: [{ deadLettered: 2 }],
    deadLetters: { ready: 5, unacknowledged: 0, delayed: 0, open: 3, openIsAtLeast: true },
  });
  expect(statusOf([queue('loans')], 'dead-letters', [], undefined, unread, noHistory)).toMatchObject({
    queues: [{ deadLettered: null }],
    deadLetters: { open: null },
  });
});

test('the status of a queue contains the publish time of the oldest message in the last processed batch, or null if the queue is empty', () => {
  const read = { oldestPublishedAt: '2026-11-22T12:00:00.000Z', at: '2026-11-22T12:00:05.000Z' };
  const oldest = (waiting: number) =>
    statusOf([queue('loans')], 'dead-letters', [figures('loans', waiting)], none, new Map([['loans', read]]), noHistory)
      .queues[0]?.oldestMessage;
  expect(oldest(1)).toEqual({ publishedAt: read.oldestPublishedAt, asOf: read.at });
  expect(oldest(0)).toBeNull();
});

test('the status of a sharded queue contains the sums over all shards and also the figures of each shard', () => {
  const read = (second: number) => {
    return { oldestPublishedAt: `2026-11-22T12:00:0${second}.000Z`, at: '2026-11-22T12:01:00.000Z' };
  };
  const [status] = statusOf(
    [queue('loans', shared, ['loans', 'loans.01', 'loans.02'])],
    'dead-letters',
    [figures('loans', 0), figures('loans.01', 4, 1), figures('loans.02', 2)],
    none,
    // The shard "loans" is empty, so its last batch says nothing about the age of waiting messages.
    new Map([
      ['loans', read(1)],
      ['loans.01', read(3)],
      ['loans.02', read(2)],
    ]),
    noHistory,
  ).queues;
  expect(status).toMatchObject({
    name: 'loans',
    ready: 6,
    unacknowledged: 1,
    consumers: 3,
    oldestMessage: { publishedAt: read(2).oldestPublishedAt },
    shards: [{ name: 'loans' }, { name: 'loans.01', ready: 4, unacknowledged: 1, consumers: 1 }, { name: 'loans.02' }],
  });
});

test('the status of a queue counts a message as delayed while the broker delays the redelivery of the message', () => {
  const read = { oldestPublishedAt: '2026-11-22T12:00:00.000Z', at: '2026-11-22T12:00:05.000Z' };
  const delayed = [{ name: 'loans', ready: 0, unacknowledged: 0, delayed: 3, consumers: 1 }];
  const [status] = statusOf(
    [queue('loans')],
    'dead-letters',
    delayed,
    none,
    new Map([['loans', read]]),
    noHistory,
  ).queues;
  expect(status).toMatchObject({ ready: 0, delayed: 3, oldestMessage: { publishedAt: read.oldestPublishedAt } });
});

test('the status of a delay queue includes expired retry copies that a full work queue has not accepted yet', () => {
  const held = [{ name: 'retry.1s', ready: 0, unacknowledged: 0, handingOn: 3 }, figures('retry.2s', 0)];
  const [delayQueueOfOne] = statusOf([queue('loans')], 'dead-letters', held, none, unread, noHistory).delayQueues;
  expect(delayQueueOfOne).toMatchObject({ name: 'retry.1s', delayMs: 1_000, waiting: 3 });
});
