export { defineTable, type ItemOf, type KeyOf, type Table, type TableOptions } from './dynamodb/tables.ts';
export { effectActions } from './dynamodb/effects.ts';
export { auditTable, deadLetterTable, inboxTable, queueSampleTable, toolkitTables } from './dynamodb/toolkit-tables.ts';
