import { expect, test } from '@jest/globals';

import { historiesOf, HISTORY_MINUTES } from '../../../lib/operations/queue-history.ts';
import { sampleOf, type QueueSample } from '../../../lib/operations/queue-samples.ts';

const nowMs = Date.parse('2026-11-22T12:30:20.000Z');
const minutesAgo = (minutes: number) => nowMs - minutes * 60_000;

const sample = (
  takenAtMs: number,
  ready: number | null,
  unacknowledged: number,
  acknowledged: number,
): QueueSample => ({
  takenAt: new Date(takenAtMs).toISOString(),
  queues: { loans: { ready, unacknowledged, acknowledged, deadLettered: 2 } },
  delayQueues: { 'retry.1s': 7 },
});

const lastOf = (samples: readonly QueueSample[]) => {
  const histories = historiesOf(samples, nowMs);
  const last = ({ length }: readonly unknown[]) => length - 1;
  const { ready, unacknowledged, deadLettered, in: arrived, out } = histories.ofQueue('loans');
  const index = last(histories.minutes);
  return [ready, unacknowledged, deadLettered, arrived, out].map((numbers) => numbers[index]);
};

test('the history of a queue has one number for each of the last 60 minutes, and null for a minute without a sample', () => {
  const { minutes, ofQueue, ofDelayQueue } = historiesOf(
    [sample(minutesAgo(59), 4, 1, 0), sample(nowMs, 5, 0, 0)],
    nowMs,
  );
  expect(minutes).toHaveLength(HISTORY_MINUTES);
  expect([minutes[0], minutes.at(-1)]).toEqual(['2026-11-22T11:31:00.000Z', '2026-11-22T12:30:00.000Z']);
  const nothing = Array.from({ length: 58 }, () => null);
  expect(ofQueue('loans').ready).toEqual([4, ...nothing, 5]);
  expect(ofDelayQueue('retry.1s')).toEqual([7, ...nothing, 7]);
  expect(ofQueue('a new queue').ready).toEqual([null, ...nothing, null]);
  expect(ofDelayQueue('a new delay queue')).toEqual([null, ...nothing, null]);
});

test('the rate "out" of a queue counts the acknowledged messages per minute, and the rate "in" is the rate "out" plus the growth of the queue', () => {
  expect(lastOf([sample(minutesAgo(1), 10, 2, 100), sample(nowMs, 15, 0, 130)])).toEqual([15, 0, 2, 33, 30]);
});

test('if two samples are at most five minutes apart, the rate is the average per minute between them; if they are further apart, the rate is null', () => {
  expect(lastOf([sample(minutesAgo(4), 0, 0, 0), sample(nowMs, 2, 0, 10)]).slice(3)).toEqual([3, 2.5]);
  expect(lastOf([sample(minutesAgo(6), 0, 0, 0), sample(nowMs, 2, 0, 10)]).slice(3)).toEqual([null, null]);
});

test('the rates in the history of a queue are null after a restart of the broker, because the broker then counts acknowledged messages from 0 again', () => {
  expect(lastOf([sample(minutesAgo(1), 0, 0, 900), sample(nowMs, 2, 0, 10)])).toEqual([2, 0, 2, null, null]);
});

test('the rates in the history of a queue are null if the broker did not report a figure, and the rate "in" is never negative', () => {
  expect(lastOf([sample(minutesAgo(1), null, 0, 5), sample(nowMs, 2, 0, 10)])).toEqual([2, 0, 2, null, 5]);
  expect(lastOf([sample(minutesAgo(1), 9, 0, 5), sample(nowMs, 2, 0, 10)])).toEqual([2, 0, 2, 0, 5]);
});

test('a sample of a queue contains the sums over its shards, and null for a figure that the broker does not report', () => {
  const queue = (name: string, ...shards: string[]) => ({
    name,
    shards,
    ordered: false,
    delays: [{ name: 'retry.1s', delayMs: 1_000 }],
    deadLetterExchange: 'dead-letters',
    bindings: [],
  });
  const figures = [
    { name: 'loans', ready: 1, unacknowledged: 2, delayed: 3, acknowledged: 4 },
    { name: 'loans.01', ready: 10, unacknowledged: 20, acknowledged: 40 },
    { name: 'notices' },
    { name: 'retry.1s', ready: 5, handingOn: 1 },
  ];
  const queues = [queue('loans', 'loans', 'loans.01'), queue('notices', 'notices')];
  expect(sampleOf(queues, figures, new Map([['loans', 9]]), nowMs)).toEqual({
    takenAt: '2026-11-22T12:30:20.000Z',
    queues: {
      loans: { ready: 14, unacknowledged: 22, acknowledged: 44, deadLettered: 9 },
      notices: { ready: null, unacknowledged: null, acknowledged: null, deadLettered: 0 },
    },
    delayQueues: { 'retry.1s': 6 },
  });
  expect(sampleOf(queues, figures, undefined, nowMs).queues['loans']).toMatchObject({ deadLettered: null });
});
