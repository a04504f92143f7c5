import { defineTables } from 'surehop/dynamodb';

/** The names of the service's tables. The keys and indexes of the tables are defined in infra/aws/foundation/tables.ts. */
export const tables = defineTables('inbox', 'orders', 'stock', 'points', 'awards', 'audit', 'dead-letters');
