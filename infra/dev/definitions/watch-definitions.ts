import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Broker } from '../runtime/broker/broker.ts';
import { reasonOf, type Say } from '../runtime/command-line.ts';
import { mistakeInConfiguration } from '../runtime/serverless.ts';
import type { Settings } from '../runtime/settings.ts';
import type { Store } from '../runtime/store/store.ts';
import { differences } from './differences.ts';
import { MistakeError } from './load-fresh.ts';
import { readDefinitions, type Definitions } from './read-definitions.ts';

const SETTLE_MS = 150;

/** The directories that are watched, each with a pattern for the names of relevant files. */
const WATCHED: readonly (readonly [string, RegExp])[] = [
  ['.', /^serverless\.yml$/],
  ['infra', /^(topology|settings|tables|service).*\.ts$/],
  ['infra/stages', /\.ts$/],
  ['infra/aws', /\.ts$/],
  ['infra/aws/service', /\.ts$/],
  ['infra/aws/foundation', /\.ts$/],
];

/**
 * Returns whether a source file is part of a function's bundle. The function bundler reports the mistakes in such a
 * file, and therefore the watcher does not report them a second time.
 */
const isInFunctions = (file: string) => /^(lib|functions)\/|^infra\/(topology|settings|tables)/.test(file);

export interface WatchOptions {
  readonly broker: Pick<Broker, 'amqpUrl' | 'managementUrl'>;
  readonly store: Pick<Store, 'endpoint'>;
  readonly settings: Pick<Settings, 'tablePrefix'>;
  readonly say: Say;
}

/**
 * Watches the files that define the service. After each edit, creates new tables, applies a changed topology to the
 * broker, and prints the changes that need a restart of `npm start`. Returns a function that stops watching.
 */
export function watchDefinitions(
  root: string,
  running: Definitions,
  { broker, store, settings, say }: WatchOptions,
): () => void {
  let applied = { topology: running.topology, tables: running.tables };
  let reported = '';
  let mistakes = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let applying = Promise.resolve();

  async function apply(): Promise<void> {
    let wanted: Definitions;
    const before = mistakes;
    mistakes = new Set();
    const report = (mistake: string) => {
      // One edit can trigger several events, so the same mistake is reported only once.
      if (!before.has(mistake)) say(`the edit was not applied: ${mistake}`);
      mistakes.add(mistake);
    };
    try {
      wanted = await readDefinitions(root, settings.tablePrefix);
    } catch (error) {
      const isReported = error instanceof MistakeError && error.files.length > 0 && error.files.every(isInFunctions);
      if (!isReported) report(reasonOf(error));
      return;
    }
    await applyTables(wanted).catch((error: unknown) => report(`infra/tables.ts: ${reasonOf(error)}`));
    await declareTopology(wanted).catch((error: unknown) => report(`infra/topology.ts: ${reasonOf(error)}`));
    const needed = [
      ...changedTables(wanted),
      ...(isDeepStrictEqual(running.settings, wanted.settings) ? [] : ['the settings in infra/stages/local.ts']),
      ...differences(running.service, wanted.service),
    ].join(', ');
    if (needed === reported) return;
    const mistake = needed === '' ? undefined : await mistakeInConfiguration(root);
    if (mistake !== undefined) return report(`serverless.yml: ${mistake}`);
    say(needed === '' ? 'restart: no longer needed' : `restart: run npm start again to apply ${needed}`);
    reported = needed;
  }

  async function applyTables({ tables }: Definitions): Promise<void> {
    const known = new Set(applied.tables.map(({ definition }) => definition.TableName));
    const added = tables.filter(({ definition }) => !known.has(definition.TableName));
    if (added.length === 0) return;
    const { createTables } = await import('../runtime/store/create-tables.ts');
    await createTables({ endpoint: store.endpoint, tables: added });
    applied = { ...applied, tables: [...applied.tables, ...added] };
    for (const { definition } of added) say(`the table ${definition.TableName} was created`);
  }

  /**
   * Returns one line of text for each existing table whose definition has changed. The line names the table, and the
   * command that must run before the change takes effect.
   */
  function changedTables({ tables }: Definitions): string[] {
    return tables.flatMap((table) => {
      const name = table.definition.TableName;
      const existing = applied.tables.find(({ definition }) => definition.TableName === name);
      return existing === undefined || isDeepStrictEqual(existing, table)
        ? []
        : [`the changed definition of table ${name} (run npx surehop reset first, which deletes all data)`];
    });
  }

  async function declareTopology({ topology: wanted }: Definitions): Promise<void> {
    if (isDeepStrictEqual(plain(wanted), plain(applied.topology))) return;
    const { prepareBroker } = await import('../runtime/broker/prepare.ts');
    const lines = await prepareBroker(broker, say, { wanted, previous: applied.topology });
    applied = { ...applied, topology: wanted };
    for (const line of lines) say(`topology: ${line}`);
  }

  // Only this repository has the sources of the deployment in infra/aws.
  const watched = WATCHED.filter(([directory]) => existsSync(join(root, directory)));
  const watchers = watched.map(([directory, names]) =>
    watch(join(root, directory), (_event, name) => {
      if (name !== null && !names.test(name)) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        applying = applying.then(apply);
      }, SETTLE_MS);
    }).on('error', () => {}),
  );
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
