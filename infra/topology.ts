import { brokerRolesFor } from '../lib/rabbitmq/admin/roles.ts';
import { DEAD_LETTERS, defineTopology, workQueue } from '../lib/rabbitmq/topology/define.ts';

/** The exchanges that publishers use. */
export const exchanges = { orders: 'orders', deadLetters: DEAD_LETTERS } as const;

/** The queue whose messages go to the archive. */
export const deadLetterQueue = DEAD_LETTERS;

/**
 * The queues that consumers read, and the events that each queue receives. A queue may state its retry delays
 * (`delays: ['10s', '1m']`), keep order per key (`ordered: true`) and be sharded (`shards: 4`).
 */
export const queues = {
  stock: workQueue('stock', { bindings: { orders: ['order.created'] } }),
  points: workQueue('points', { bindings: { orders: ['order.created', 'order.rejected'] } }),
} as const;

export const topology = defineTopology(queues);

/** The broker's users and what each may do. */
export const brokerRoles = brokerRolesFor(topology);
