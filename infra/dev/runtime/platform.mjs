// @ts-check
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { findInstalledServer } from './broker/installed.mjs';

/**
 * What a machine offers for running RabbitMQ and DynamoDB.
 *
 * @typedef {object} Machine
 * @property {string} platform As in `process.platform`.
 * @property {string} arch As in `process.arch`.
 * @property {boolean} hasDocker
 * @property {boolean} hasRabbitmq Whether RabbitMQ and Erlang are installed.
 * @property {boolean} hasApt Whether Debian's package manager is installed.
 */

const SOCKETS = [
  '/var/run/docker.sock',
  '.docker/run/docker.sock',
  '.docker/desktop/docker.sock',
  '.testcontainers.properties',
];

const SEE = 'see "Supported platforms" in README.md';

/**
 * Returns why this machine can run neither the service nor its tests, or undefined if it can. The processes are started by
 * `/bin/sh`, which Windows does not have.
 *
 * @param {Pick<Machine, 'platform'>} machine
 * @returns {string | undefined}
 */
export function unsupportedPlatform({ platform }) {
  if (platform !== 'win32') return undefined;
  return `Windows is not supported: run this command in WSL 2 (Windows Subsystem for Linux) with Node for Linux; ${SEE}`;
}

/**
 * Returns how to get a DynamoDB if the machine offers none, or undefined if the machine offers one. The embedded emulator exists
 * for Linux x64 only.
 *
 * @param {Machine} machine
 * @param {{ DYNAMODB_ENDPOINT?: string }} settings
 * @returns {string | undefined}
 */
export function missingStore({ platform, arch, hasDocker }, { DYNAMODB_ENDPOINT }) {
  if (DYNAMODB_ENDPOINT || hasDocker || (platform === 'linux' && arch === 'x64')) return undefined;
  return `there is no embedded DynamoDB for ${platform}-${arch}: start Docker, or set DYNAMODB_ENDPOINT to a running DynamoDB; ${SEE}`;
}

/**
 * Returns how to get a RabbitMQ if the machine offers none, or undefined if the machine offers one.
 *
 * @param {Machine} machine
 * @param {{ AMQP_URL?: string }} settings
 * @returns {string | undefined}
 */
export function missingBroker({ platform, arch, hasDocker, hasRabbitmq, hasApt }, { AMQP_URL }) {
  if (AMQP_URL || hasDocker || hasRabbitmq || hasApt) return undefined;
  return `no RabbitMQ is installed, and this machine (${platform}-${arch}) has no apt to download one: start Docker, install RabbitMQ, or set AMQP_URL to a running broker; ${SEE}`;
}

/**
 * Returns what this machine offers. Docker counts as present if there is a sign of it; whether Docker responds is found out later.
 *
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Machine}
 */
export function thisMachine(environment) {
  return {
    platform: process.platform,
    arch: process.arch,
    hasDocker: mayDockerBeHere(environment),
    hasRabbitmq: findInstalledServer(environment) !== undefined,
    hasApt: ['/usr/bin', ...(environment['PATH'] ?? '').split(delimiter)].some(
      (folder) => folder !== '' && existsSync(join(folder, 'apt-get')),
    ),
  };
}

/**
 * Returns whether a setting or a socket file suggests that a Docker daemon is running. If not, the slow import of testcontainers
 * (0.4 s) is unnecessary, and so is its installation.
 *
 * @param {NodeJS.ProcessEnv} environment
 */
export function mayDockerBeHere({ DOCKER_HOST, XDG_RUNTIME_DIR, HOME }) {
  const home = HOME === undefined || HOME === '' ? '/' : homedir();
  return (
    (DOCKER_HOST ?? '') !== '' ||
    (XDG_RUNTIME_DIR !== undefined && existsSync(join(XDG_RUNTIME_DIR, 'docker.sock'))) ||
    SOCKETS.some((path) => existsSync(path.startsWith('/') ? path : join(home, path)))
  );
}
