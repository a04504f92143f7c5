import { toolkitTables } from 'surehop/tables';

import { tables } from '../../tables.ts';
import type { Resources } from '../template.ts';
import { resourcesOf } from './table-resources.ts';

export { tables };

const definitions = [...toolkitTables, ...Object.values(tables)];

/** The names of all tables of the service, without the stage's prefix. */
export const tableNames: readonly string[] = definitions.map(({ name }) => name);

/** Returns the tables of a stage as CloudFormation resources. */
export const tableResources = (tablePrefix: string): Resources => resourcesOf(definitions, tablePrefix);
