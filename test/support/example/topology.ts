import { brokerRolesFor, DEAD_LETTERS, defineTopology, workQueue } from 'surehop/topology';

/**
 * The exchanges of a lending library, the example domain that the toolkit's tests use instead of the reference service.
 */
export const exchanges = { library: 'library', deadLetters: DEAD_LETTERS } as const;

export const deadLetterQueue = DEAD_LETTERS;

export const queues = {
  loans: workQueue('loans', { bindings: { library: ['loan.created'] } }),
  notices: workQueue('notices', { bindings: { library: ['loan.created', 'loan.rejected'] } }),
} as const;

export const topology = defineTopology(queues);

export const brokerRoles = brokerRolesFor(topology);
