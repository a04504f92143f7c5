import type { QueueFigures } from 'surehop/management';
import type { WorkQueue } from 'surehop/topology';

export interface QueueMetric {
  readonly queue: string;
  readonly name: 'QueueReady' | 'QueueUnacknowledged' | 'QueueConsumers' | 'QueueFullest' | 'DelayQueueWaiting';
  readonly value: number;
}

/**
 * Calculates the metrics of the queues in the topology. `QueueReady` counts all messages that wait for a consumer, including
 * messages whose redelivery the broker delays. For a sharded queue, message counts are sums over its shards, `QueueConsumers` is
 * the lowest number of consumers of any shard, and `QueueFullest` is the number of messages in the fullest shard. No metric shows
 * the age of the oldest message, because RabbitMQ does not report that age for quorum queues.
 */
export function queueMetrics(
  workQueues: readonly WorkQueue[],
  deadLetterQueue: string,
  figures: readonly QueueFigures[],
): { readonly metrics: readonly QueueMetric[]; readonly missing: readonly string[] } {
  const named = new Map(figures.map((queue) => [queue.name, queue]));
  const read = [...workQueues, { name: deadLetterQueue, shards: [deadLetterQueue] }];
  const delayQueues = [...new Set(workQueues.flatMap(({ delays }) => delays.map(({ name }) => name)))];
  const ofShards = (shards: readonly string[], figure: (shard: QueueFigures) => number | undefined) => {
    const values = shards.map((shard) => figure(named.get(shard) ?? { name: shard }));
    return values.every((value) => value !== undefined) ? values : undefined;
  };
  const waiting = ({ ready, delayed = 0 }: QueueFigures) => (ready === undefined ? undefined : ready + delayed);
  const held = ({ ready, unacknowledged = 0, handingOn = 0, delayed = 0 }: QueueFigures) =>
    ready === undefined ? undefined : ready + unacknowledged + handingOn + delayed;
  const metrics = [
    ...read.flatMap(({ name: queue, shards }) => {
      const most = ofShards(shards, held);
      const fewest = ofShards(shards, ({ consumers }) => consumers);
      return [
        metric(queue, 'QueueReady', sum(ofShards(shards, waiting))),
        metric(queue, 'QueueUnacknowledged', sum(ofShards(shards, ({ unacknowledged }) => unacknowledged))),
        metric(queue, 'QueueConsumers', fewest && Math.min(...fewest)),
        metric(queue, 'QueueFullest', most && Math.max(...most)),
      ];
    }),
    ...delayQueues.map((delayQueue) => metric(delayQueue, 'DelayQueueWaiting', sum(ofShards([delayQueue], held)))),
  ];
  const known = metrics.filter(({ value }) => value !== undefined) as QueueMetric[];
  const everything = [...read.flatMap(({ shards }) => shards), ...delayQueues];
  return { metrics: known, missing: everything.filter((queue) => named.get(queue)?.ready === undefined) };
}

const sum = (values: readonly number[] | undefined) => values?.reduce((total, value) => total + value, 0);

const metric = (queue: string, name: QueueMetric['name'], value: number | undefined) => ({ queue, name, value });
