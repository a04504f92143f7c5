import { defineTables } from '../lib/dynamodb/tables.ts';

/** The tables of infra/aws/foundation/tables.yml, so that the compiler knows a name that is none of them. */
export const tables = defineTables('inbox', 'orders', 'stock', 'points', 'awards', 'audit', 'dead-letters');
