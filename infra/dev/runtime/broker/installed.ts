import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/** A RabbitMQ on disk that can be run. */
export interface RabbitmqServer {
  /** The server's own scripts: beside `rabbitmq-server` stands `rabbitmq-env`. */
  readonly scriptsDirectory: string;
  /** Put first on PATH: where `erl` and `epmd` are. */
  readonly path: readonly string[];
  readonly describe: string;
}

/** Distributions wrap the server's scripts in ones that demand root; the scripts themselves are here. */
const LIBRARY_DIRECTORIES = ['/usr/lib/rabbitmq/lib', '/usr/local/lib/rabbitmq/lib'];
const SCRIPT_DIRECTORIES = [
  '/usr/lib/rabbitmq/bin',
  '/opt/rabbitmq/sbin',
  '/opt/homebrew/opt/rabbitmq/sbin',
  '/usr/local/opt/rabbitmq/sbin',
];

/** The newest RabbitMQ under `libraryDirectory`, as its scripts' directory. */
export function scriptsUnder(libraryDirectory: string): string | undefined {
  if (!existsSync(libraryDirectory)) return undefined;
  return readdirSync(libraryDirectory)
    .filter((name) => name.startsWith('rabbitmq_server-'))
    .toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(libraryDirectory, name, 'sbin'))
    .find(isScriptsDirectory);
}

/** A RabbitMQ that is installed, together with its Erlang; undefined where there is none. */
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
    : { scriptsDirectory, path: [erlang], describe: 'the installed one, run privately' };
}

function isScriptsDirectory(directory: string): boolean {
  return existsSync(join(directory, 'rabbitmq-server')) && existsSync(join(directory, 'rabbitmq-env'));
}
