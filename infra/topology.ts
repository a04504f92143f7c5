import { brokerRolesFor, DEAD_LETTERS, defineTopology, workQueue } from 'surehop/topology';

/** The names of the exchanges to which the service publishes. */
export const exchanges = { orders: 'orders', deadLetters: DEAD_LETTERS } as const;

/** The name of the dead-letter queue. The archive stores the messages of this queue. */
export const deadLetterQueue = DEAD_LETTERS;

/**
 * The work queues and the events that each of them receives. A queue can also declare its retry delays (`delays: ['10s', '1m']`),
 * keep order per key (`ordered: true`), or be sharded (`shards: 4`).
 */
export const queues = {
  stock: workQueue('stock', { bindings: { orders: ['order.created'] } }),
  points: workQueue('points', { bindings: { orders: ['order.created', 'order.rejected'] } }),
} as const;

export const topology = defineTopology(queues);

/** The roles of the broker's users, and what each role may do on the broker. */
export const brokerRoles = brokerRolesFor(topology);
