import { join } from 'node:path';
import type { Topology } from '../../../lib/rabbitmq/topology/topology.ts';
import type { SourceName } from '../../aws/variables.ts';
import { readYaml } from '../runtime/read-yaml.ts';
import { localTables, type Table } from '../runtime/store/tables.ts';
import { loadFresh } from './load-fresh.ts';

/** What the service is made of besides the code of its functions. */
export interface Definitions {
  readonly topology: Topology;
  readonly tables: readonly Table[];
  /** serverless.yml with the values of its variables; those of Serverless itself stand as they are written. */
  readonly service: Readonly<Record<string, unknown>>;
}

type FromTypescript = typeof import('./from-typescript.ts');

/** The environment is read when the functions start, and holds logins. */
const VARIABLE = /\$\{(settings|consumes|operators):([^}]*)\}/;

/**
 * Reads serverless.yml, infra/topology.ts, infra/stages and infra/aws/foundation/tables.ts as they are on disk now; an error is
 * one sentence that names the file and what is wrong there.
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
  // The stage is checked as a whole before any of its values is looked for.
  resolveVariable('settings', 'functions', 'local');
  const service = withValues(readYaml(join(root, 'serverless.yml'), 'serverless.yml'), resolved);
  return { topology, tables: localTables(tableResources(tablePrefix)), service: service as Definitions['service'] };
}

function withValues(value: unknown, resolved: (source: SourceName, address: string) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withValues(item, resolved));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withValues(item, resolved)]));
  const [, source, address] = (typeof value === 'string' ? VARIABLE.exec(value) : undefined) ?? [];
  return source === undefined || address === undefined ? value : resolved(source as SourceName, address);
}
