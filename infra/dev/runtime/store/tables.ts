import { service } from 'serverless-surehop/definitions';
import { tableResources } from 'serverless-surehop/service-tables';

import { createTables as create } from './create-tables.ts';
import { localTables, type Table } from './local-tables.ts';

export { localClient } from './create-tables.ts';
export { localTables } from './local-tables.ts';

/** Returns the prefix of the names of local tables: `given`, or `<service>-local-` by default. */
export const localTablePrefix = (given: string | undefined): string => given ?? `${service.name}-local-`;

/**
 * Creates the missing tables in a local DynamoDB, by default all tables of the service. Returns the names of all tables as soon as
 * they are active.
 */
export const createTables = ({
  endpoint,
  prefix,
  tables = localTables(tableResources(prefix)),
}: {
  endpoint: string;
  prefix: string;
  tables?: readonly Table[];
}): Promise<string[]> => create({ endpoint, tables });
