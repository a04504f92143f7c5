import { brokerRolesFor, DEAD_LETTERS, defineTopology, workQueue } from 'surehop/topology';

/**
 * The work queues, the exchanges that they are bound to, and the types of the events that they receive. A queue can also
 * declare its retry delays (`delays: ['10s', '1m']`) or keep order per key (`ordered: true`).
 */
export const queues = {
  billing: workQueue('billing', { bindings: { orders: ['order.placed'] } }),
};

export const topology = defineTopology(queues);

export const brokerRoles = brokerRolesFor(topology);

export const deadLetterQueue = DEAD_LETTERS;
