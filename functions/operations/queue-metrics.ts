import type { QueueFigures } from '../../lib/broker/management.ts';
import type { WorkQueue } from '../../lib/broker/topology.ts';

export interface QueueMetric {
  readonly queue: string;
  readonly name: 'QueueReady' | 'QueueUnacknowledged' | 'QueueConsumers' | 'RetryTierWaiting';
  readonly value: number;
}

/**
 * The metrics of the topology's queues, and of no other. How long the oldest message has waited is not among them: no
 * broker tells that of a quorum queue without a delivery.
 */
export function queueMetrics(
  workQueues: readonly WorkQueue[],
  deadLetterQueue: string,
  figures: readonly QueueFigures[],
): { readonly metrics: readonly QueueMetric[]; readonly missing: readonly string[] } {
  const named = new Map(figures.map((queue) => [queue.name, queue]));
  const read = [...workQueues.map(({ name }) => name), deadLetterQueue];
  const tiers = [...new Set(workQueues.flatMap(({ retryTiers }) => retryTiers.map(({ exchange }) => exchange)))];
  const metrics = [
    ...read.flatMap((queue) => {
      const { ready, unacknowledged, consumers } = named.get(queue) ?? {};
      return [
        metric(queue, 'QueueReady', ready),
        metric(queue, 'QueueUnacknowledged', unacknowledged),
        metric(queue, 'QueueConsumers', consumers),
      ];
    }),
    ...tiers.map((tier) => {
      const { ready, unacknowledged = 0 } = named.get(tier) ?? {};
      return metric(tier, 'RetryTierWaiting', ready === undefined ? undefined : ready + unacknowledged);
    }),
  ];
  const known = metrics.filter(({ value }) => value !== undefined) as QueueMetric[];
  return { metrics: known, missing: [...read, ...tiers].filter((queue) => named.get(queue)?.ready === undefined) };
}

const metric = (queue: string, name: QueueMetric['name'], value: number | undefined) => ({ queue, name, value });
