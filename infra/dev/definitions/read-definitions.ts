import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { SourceName } from 'serverless-surehop/variables';
import type { Topology } from 'surehop/topology';

import { localTables, type Table } from '../runtime/store/local-tables.ts';
import { loadFresh } from './load-fresh.ts';

/** The definitions that `npm start` reads from the sources: the topology, the tables and the service. */
export interface Definitions {
  readonly topology: Topology;
  readonly tables: readonly Table[];
  /** The values that infra/stages/local.ts gives to the settings in infra/settings.ts, by the name of the setting. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The content of serverless.yml, with values in place of the variables that Surehop defines. */
  readonly service: Readonly<Record<string, unknown>>;
}

type FromTypescript = typeof import('./from-typescript.ts');

const VARIABLE = /\$\{(settings|consumes|operators):([^}]*)\}/;

/**
 * Reads the current definitions of the service from disk, even if Node has already loaded an earlier version. If a file
 * contains a mistake, throws an error that names the file and the mistake.
 */
export async function readDefinitions(root: string, tablePrefix: string | undefined): Promise<Definitions> {
  const {
    topology,
    resolveVariable,
    service: declared,
    tableResources,
  } = await loadFresh<FromTypescript>(
    // The published package contains this module as a file of its own.
    createRequire(import.meta.url).resolve('surehop-dev/definitions'),
    root,
  );
  const resolved = (source: SourceName, address: string) => {
    try {
      return resolveVariable(source, address, 'local');
    } catch (error) {
      throw new Error(
        `cannot resolve the variable ${source}:${address} in serverless.yml: ${(error as Error).message}`,
        { cause: error },
      );
    }
  };
  // The whole stage is validated before single values are read, so that the error names every wrong setting.
  const settings = resolveVariable('settings', 'settings', 'local') as Definitions['settings'];
  // The functions' environment is validated because the shell can override the service's own settings.
  resolveVariable('environment', '', 'local');
  const service = withValues(readYaml(join(root, 'serverless.yml'), 'serverless.yml'), resolved);
  const tables = localTables(tableResources(tablePrefix ?? `${declared.name}-local-`));
  return { topology, tables, settings, service: service as Definitions['service'] };
}

function readYaml(file: string, fileName: string): unknown {
  try {
    return parse(readFileSync(file, 'utf8'), { merge: true });
  } catch (error) {
    const [firstLine = ''] = (error as Error).message.split('\n');
    const mistake = firstLine.replace(/:$/, '');
    throw new Error(`${fileName} cannot be read: ${mistake}`, { cause: error });
  }
}

function withValues(value: unknown, resolved: (source: SourceName, address: string) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withValues(item, resolved));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withValues(item, resolved)]));
  const [, source, address] = (typeof value === 'string' ? VARIABLE.exec(value) : undefined) ?? [];
  return source === undefined || address === undefined ? value : resolved(source as SourceName, address);
}
