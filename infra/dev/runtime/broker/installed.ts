import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/** A RabbitMQ server on disk. */
export interface RabbitmqServer {
  /** The directory of the server's own scripts, `rabbitmq-server` and `rabbitmq-env`. */
  readonly scriptsDirectory: string;
  /** The directories of `erl` and `epmd`, which come first on PATH. */
  readonly path: readonly string[];
  readonly describe: string;
}

/** Distributions wrap the server's scripts in scripts that need root; these directories contain the originals. */
const LIBRARY_DIRECTORIES = ['/usr/lib/rabbitmq/lib', '/usr/local/lib/rabbitmq/lib'];
const SCRIPT_DIRECTORIES = [
  '/usr/lib/rabbitmq/bin',
  '/opt/rabbitmq/sbin',
  '/opt/homebrew/opt/rabbitmq/sbin',
  '/usr/local/opt/rabbitmq/sbin',
];

/** The scripts directory of the newest RabbitMQ under `libraryDirectory`. */
export function scriptsUnder(libraryDirectory: string): string | undefined {
  if (!existsSync(libraryDirectory)) return undefined;
  return readdirSync(libraryDirectory)
    .filter((name) => name.startsWith('rabbitmq_server-'))
    .toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(libraryDirectory, name, 'sbin'))
    .find(isScriptsDirectory);
}

/** Finds an installed RabbitMQ and its Erlang; undefined if either is missing. */
export function findInstalledServer({ PATH = '' }: NodeJS.ProcessEnv): RabbitmqServer | undefined {
  const folders = [
    ...PATH.split(delimiter).filter((folder) => folder !== ''),
    '/usr/bin',
    '/usr/local/bin',
    '/opt/homebrew/bin',
  ];
  const erlang = folders.find((folder) => existsSync(join(folder, 'erl')) && existsSync(join(folder, 'epmd')));
  if (erlang === undefined) return undefined;
  const onPath = folders
    .map((folder) => join(folder, 'rabbitmq-server'))
    .filter((file) => existsSync(file))
    .map((file) => dirname(realpathSync(file)));
  const scriptsDirectory =
    [...onPath, ...SCRIPT_DIRECTORIES].find(isScriptsDirectory) ??
    LIBRARY_DIRECTORIES.map(scriptsUnder).find((found) => found !== undefined);
  return scriptsDirectory === undefined
    ? undefined
    : { scriptsDirectory, path: [erlang], describe: 'installed on this machine' };
}

function isScriptsDirectory(directory: string): boolean {
  return existsSync(join(directory, 'rabbitmq-server')) && existsSync(join(directory, 'rabbitmq-env'));
}
