import { expect, test } from '@jest/globals';

import { queueMetrics } from '../../../lib/operations/queue-metrics.ts';
import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';

const figures = (name: string, ready: number, unacknowledged: number, consumers: number) => {
  return { name, ready, unacknowledged, consumers };
};
const others = ['dead-letters', 'retry.1s', 'retry.2s', 'retry.4s'].map((name) => figures(name, 0, 0, 1));
const loans = workQueue('loans', { shards: 2, retiring: 1 });

const valuesOf = (shards: readonly ReturnType<typeof figures>[]) => {
  const { metrics, missing } = queueMetrics([loans], 'dead-letters', [...shards, ...others]);
  return { ...metrics.find(({ queue }) => queue === 'loans')?.values, missing };
};

test('for a sharded queue, QueueReady and QueueUnacknowledged are sums over the shards, QueueConsumers is the minimum and QueueFullest the maximum', () => {
  expect(valuesOf([figures('loans', 5, 1, 1), figures('loans.01', 2, 9, 0), figures('loans.02', 1, 0, 1)])).toEqual({
    QueueReady: 8,
    QueueUnacknowledged: 10,
    QueueConsumers: 0,
    QueueFullest: 11,
    missing: [],
  });
});

test('the metric QueueReady includes the messages whose redelivery the broker delays', () => {
  const shards = ['loans', 'loans.01', 'loans.02'].map((name) => ({ ...figures(name, 1, 0, 1), delayed: 4 }));
  expect(valuesOf(shards)).toMatchObject({ QueueReady: 15, QueueFullest: 5 });
});

test('if the broker reports no figures for a shard of a queue, the queue has no metrics and the shard is reported as missing', () => {
  expect(valuesOf([figures('loans', 5, 1, 1), figures('loans.02', 1, 0, 1)])).toEqual({ missing: ['loans.01'] });
});
