import { exchanges } from '../../infra/topology.ts';
import { defineTopology, workQueue } from '../../lib/rabbitmq/topology/define.ts';
import type { Topology, WorkQueue } from '../../lib/rabbitmq/topology/topology.ts';

type Options = NonNullable<Parameters<typeof workQueue>[1]>;

/** Returns the service's work queues `stock` and `points`, declared with the given options. */
export const queuesWith = (changes: { readonly stock?: Options; readonly points?: Options } = {}) => ({
  stock: workQueue('stock', { bindings: { [exchanges.orders]: ['order.created'] }, ...changes.stock }),
  points: workQueue('points', {
    bindings: { [exchanges.orders]: ['order.created', 'order.rejected'] },
    ...changes.points,
  }),
});

/**
 * Returns the service's topology with the given options for the queues `stock` and `points`, and with additional work
 * queues.
 */
export const topologyWith = (
  changes: Parameters<typeof queuesWith>[0] = {},
  others: Readonly<Record<string, WorkQueue>> = {},
): Topology => defineTopology({ ...queuesWith(changes), ...others });
