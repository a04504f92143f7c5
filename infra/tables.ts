import { defineTables } from '../lib/dynamodb/tables.ts';

/** The names of the service's tables; their keys and indexes are in infra/aws/foundation/tables.ts. */
export const tables = defineTables('inbox', 'orders', 'stock', 'points', 'awards', 'audit', 'dead-letters');
