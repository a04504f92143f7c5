import { exchanges } from './example/topology.ts';
import { defineTopology, workQueue } from '../../lib/rabbitmq/topology/define.ts';
import type { Topology, WorkQueue } from '../../lib/rabbitmq/topology/topology.ts';

type Options = NonNullable<Parameters<typeof workQueue>[1]>;

/**
 * Returns the work queues `loans` and `notices` of the tests' example domain (a lending library), declared with the
 * given options.
 */
export const queuesWith = (changes: { readonly loans?: Options; readonly notices?: Options } = {}) => ({
  loans: workQueue('loans', { bindings: { [exchanges.library]: ['loan.created'] }, ...changes.loans }),
  notices: workQueue('notices', {
    bindings: { [exchanges.library]: ['loan.created', 'loan.rejected'] },
    ...changes.notices,
  }),
});

/**
 * Returns the topology of the tests' example domain (a lending library), with the given options for its two work queues
 * and with additional work queues.
 */
export const topologyWith = (
  changes: Parameters<typeof queuesWith>[0] = {},
  others: Readonly<Record<string, WorkQueue>> = {},
): Topology => defineTopology({ ...queuesWith(changes), ...others });
