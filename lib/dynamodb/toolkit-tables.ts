import { defineToolkitTable } from './tables.ts';

/**
 * The DynamoDB table with the inbox markers of messages. Consumers also store leases, blocked keys, open batches and
 * processing attempts in this table.
 */
export const inboxTable = defineToolkitTable({ name: 'inbox', key: { pk: 'S' }, expires: true });

/**
 * The DynamoDB table of audit records. An audit record says which operator made a change, what changed, when and why.
 */
export const auditTable = defineToolkitTable({ name: 'audit', key: { id: 'S' }, expires: true });

/**
 * The DynamoDB table of the archive of dead letters. The item with `part` 0 describes a dead letter, and the items with
 * a larger `part` contain its message.
 */
export const deadLetterTable = defineToolkitTable({
  name: 'dead-letters',
  key: { id: 'S', part: 'N' },
  indexes: { newest: { kind: 'S', listedAt: 'S' }, 'by-message': { messageId: 'S', listedAt: 'S' } },
  expires: true,
});

/**
 * The DynamoDB table with the message counts of all queues. Each item contains the counts of one minute, and is deleted
 * after a day.
 */
export const queueSampleTable = defineToolkitTable({
  name: 'queue-samples',
  key: { kind: 'S', minute: 'S' },
  expires: true,
});

/** The DynamoDB tables that every service needs in addition to its own tables. */
export const toolkitTables = [inboxTable, auditTable, deadLetterTable, queueSampleTable] as const;
