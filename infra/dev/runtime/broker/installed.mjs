// @ts-check
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/**
 * A RabbitMQ server that is installed or unpacked on this machine.
 *
 * @typedef {object} RabbitmqServer
 * @property {string} scriptsDirectory The directory of the scripts `rabbitmq-server` and `rabbitmq-env`.
 * @property {readonly string[]} path The directories of the programs `erl` and `epmd`, which are put first on PATH.
 * @property {string} describe
 */

/**
 * The directories with the original RabbitMQ scripts. Linux distributions install other scripts with the same names, which need
 * root permissions.
 */
const LIBRARY_DIRECTORIES = ['/usr/lib/rabbitmq/lib', '/usr/local/lib/rabbitmq/lib'];
const SCRIPT_DIRECTORIES = [
  '/usr/lib/rabbitmq/bin',
  '/opt/rabbitmq/sbin',
  '/opt/homebrew/opt/rabbitmq/sbin',
  '/usr/local/opt/rabbitmq/sbin',
];

/**
 * Returns the directory with the scripts of the newest RabbitMQ under `libraryDirectory`.
 *
 * @param {string} libraryDirectory
 * @returns {string | undefined}
 */
export function scriptsUnder(libraryDirectory) {
  if (!existsSync(libraryDirectory)) return undefined;
  return readdirSync(libraryDirectory)
    .filter((name) => name.startsWith('rabbitmq_server-'))
    .toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(libraryDirectory, name, 'sbin'))
    .find(isScriptsDirectory);
}

/**
 * Finds an installed RabbitMQ and the Erlang that runs it. Returns undefined if either RabbitMQ or Erlang is missing.
 *
 * @param {NodeJS.ProcessEnv} environment
 * @returns {RabbitmqServer | undefined}
 */
export function findInstalledServer({ PATH = '' }) {
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

/** @param {string} directory */
function isScriptsDirectory(directory) {
  return existsSync(join(directory, 'rabbitmq-server')) && existsSync(join(directory, 'rabbitmq-env'));
}
