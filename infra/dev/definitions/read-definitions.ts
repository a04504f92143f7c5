import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Topology } from '../../../lib/rabbitmq/topology/topology.ts';
import type { SourceName } from '../../aws/variables.ts';
import { localTables, type Table } from '../runtime/store/tables.ts';
import { loadFresh } from './load-fresh.ts';

/** The topology, the tables and serverless.yml. */
export interface Definitions {
  readonly topology: Topology;
  readonly tables: readonly Table[];
  /** serverless.yml with the values of the project's own variables; Serverless's variables are not resolved. */
  readonly service: Readonly<Record<string, unknown>>;
}

type FromTypescript = typeof import('./from-typescript.ts');

/** Only these variables are resolved: `${environment:}` contains passwords and is read when the functions start. */
const VARIABLE = /\$\{(settings|consumes|operators):([^}]*)\}/;

/**
 * Reads serverless.yml, infra/topology.ts, infra/stages and infra/aws/foundation/tables.ts from disk, ignoring modules that Node
 * has already loaded. An error is one sentence that names the file and the mistake.
 */
export async function readDefinitions(root: string, tablePrefix: string): Promise<Definitions> {
  const { topology, resolveVariable, tableResources } = await loadFresh<FromTypescript>(
    join(import.meta.dirname, 'from-typescript.ts'),
    root,
  );
  const resolved = (source: SourceName, address: string) => {
    try {
      return resolveVariable(source, address, 'local');
    } catch (error) {
      throw new Error(`\${${source}:${address}} in serverless.yml: ${(error as Error).message}`, { cause: error });
    }
  };
  // Validate the whole stage before reading single values, so that the error names every wrong setting.
  resolveVariable('settings', 'functions', 'local');
  const service = withValues(readYaml(join(root, 'serverless.yml'), 'serverless.yml'), resolved);
  return { topology, tables: localTables(tableResources(tablePrefix)), service: service as Definitions['service'] };
}

/** Parses a YAML file; an error is one sentence that contains `name`. */
function readYaml(file: string, name: string): unknown {
  try {
    return parse(readFileSync(file, 'utf8'), { merge: true });
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message.split('\n')[0]?.replace(/:$/, '')}`, { cause: error });
  }
}

/** Replaces every variable in a part of serverless.yml by its value. */
function withValues(value: unknown, resolved: (source: SourceName, address: string) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withValues(item, resolved));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withValues(item, resolved)]));
  const [, source, address] = (typeof value === 'string' ? VARIABLE.exec(value) : undefined) ?? [];
  return source === undefined || address === undefined ? value : resolved(source as SourceName, address);
}
