import type { QueueFigures } from '../rabbitmq/management/queue-figures.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';

type Name = 'QueueReady' | 'QueueUnacknowledged' | 'QueueConsumers' | 'QueueFullest' | 'DelayQueueWaiting';

/** The metrics of one queue. A metric is `undefined` if the broker reports no value for it yet. */
interface QueueMetrics {
  readonly queue: string;
  readonly values: { readonly [N in Name]?: number };
}

/**
 * Calculates the metrics of the queues in the topology. The metrics of a sharded queue are sums over its shards, except
 * `QueueConsumers` and `QueueFullest`, which are those of the worst shard.
 */
export function queueMetrics(
  workQueues: readonly WorkQueue[],
  deadLetterQueue: string,
  figures: readonly QueueFigures[],
): { readonly metrics: readonly QueueMetrics[]; readonly missing: readonly string[] } {
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
    ...read.map(({ name: queue, shards }): QueueMetrics => {
      const most = ofShards(shards, held);
      const fewest = ofShards(shards, ({ consumers }) => consumers);
      const values = {
        QueueReady: sum(ofShards(shards, waiting)),
        QueueUnacknowledged: sum(ofShards(shards, ({ unacknowledged }) => unacknowledged)),
        QueueConsumers: fewest && Math.min(...fewest),
        QueueFullest: most && Math.max(...most),
      };
      return { queue, values };
    }),
    ...delayQueues.map((queue) => ({ queue, values: { DelayQueueWaiting: sum(ofShards([queue], held)) } })),
  ];
  const everything = [...read.flatMap(({ shards }) => shards), ...delayQueues];
  return { metrics, missing: everything.filter((queue) => named.get(queue)?.ready === undefined) };
}

const sum = (values: readonly number[] | undefined) => values?.reduce((total, value) => total + value, 0);
