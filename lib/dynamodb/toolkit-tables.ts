import { defineTable } from './tables.ts';

/**
 * The table in which consumers store the inbox record of each message, and further items such as attempt logs and
 * open-batch records.
 */
export const inboxTable = defineTable({ name: 'inbox', key: { pk: 'S' }, expires: true });

/** The table of audit records. Each item records one change that an operator made: who made it, what changed, when and why. */
export const auditTable = defineTable({ name: 'audit', key: { id: 'S' }, expires: true });

/**
 * The archive of dead letters. The item whose attribute `part` is 0 describes the dead letter, and the items whose
 * `part` is 1 or more contain the body of the dead letter. Only the item whose `part` is 0 appears in the indexes.
 */
export const deadLetterTable = defineTable({
  name: 'dead-letters',
  key: { id: 'S', part: 'N' },
  indexes: { newest: { kind: 'S', listedAt: 'S' }, 'by-message': { messageId: 'S', listedAt: 'S' } },
  expires: true,
});

/**
 * The table with the figures of all queues. Each item contains the figures of one minute, and DynamoDB deletes the item
 * after a day.
 */
export const queueSampleTable = defineTable({
  name: 'queue-samples',
  key: { kind: 'S', minute: 'S' },
  expires: true,
});

/**
 * The tables that the toolkit itself uses. A deployment needs these tables in addition to the tables of the service.
 */
export const toolkitTables = [inboxTable, auditTable, deadLetterTable, queueSampleTable] as const;
