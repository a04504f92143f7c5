// @ts-check
// Installs what a command needs. The modules in this folder are plain JavaScript and import no npm package, because they run
// before npm has installed any.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unpackDebianServer } from '../runtime/broker/debian.mjs';
import { cacheDirectory } from '../runtime/cache-directory.mjs';
import { installPackages, isInstalled, progressOf } from './packages.mjs';

/** @import { Group } from './packages.mjs' */

const PROGRESS_EVERY_MS = 8_000;
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * @typedef {object} Installation
 * @property {string} root The root directory of the clone.
 * @property {string} local The folder for local data and logs.
 * @property {Group} group
 * @property {boolean} needsDebianServer Whether RabbitMQ has to be unpacked from Debian's packages.
 * @property {NodeJS.ProcessEnv} environment The environment variables for npm.
 */

/**
 * Installs the npm packages and, at the same time, unpacks RabbitMQ. Both end before this function returns, even if one of them
 * fails. Returns the errors; returns undefined if a signal ended the installation.
 *
 * @param {Installation} installation
 * @returns {Promise<string[] | undefined>}
 */
export async function install({ root, local, group, needsDebianServer, environment }) {
  const release = await takeLock(join(local, 'install.lock'));
  const abort = new AbortController();
  const { signal } = abort;
  const stop = () => {
    if (!signal.aborted) say('stopping the installation; the next start repairs it');
    abort.abort();
  };
  for (const name of SIGNALS) process.on(name, stop);
  const startedAt = performance.now();
  /** @type {Record<string, string>} */
  const pending = {};
  const progress = setInterval(() => {
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    if ('npm' in pending) {
      const { done, total } = progressOf(root, group);
      pending['npm'] = `${done} of ${total} npm packages unpacked`;
    }
    say(`still installing (${seconds} s): ${Object.values(pending).join('; ')}`);
  }, PROGRESS_EVERY_MS);
  try {
    /** @type {(name: string, task: Promise<unknown>) => Promise<string | undefined>} */
    const errorOf = (name, task) =>
      task
        .then(
          () => undefined,
          (error) => (error instanceof Error ? error.message : String(error)),
        )
        .finally(() => delete pending[name]);
    const tasks = [];
    if (!isInstalled(root, group)) {
      say(`installing npm packages${group === 'start' ? ' (without those that only tests and checks need)' : ''}`);
      pending['npm'] = 'npm packages';
      const log = join(local, 'logs', 'install.log');
      tasks.push(errorOf('npm', installPackages({ root, group, log, environment, signal })));
    }
    const cache = needsDebianServer ? cacheDirectory(environment, local) : undefined;
    if (cache !== undefined) {
      const report = (/** @type {string} */ line) => {
        pending['RabbitMQ'] = line;
        say(line);
      };
      tasks.push(
        errorOf('RabbitMQ', unpackDebianServer({ directory: join(cache, 'debian'), say: report, signal })).then(
          (error) => {
            if (error !== undefined && !signal.aborted && 'npm' in pending)
              say('RabbitMQ cannot be unpacked; waiting until npm has finished');
            return error;
          },
        ),
      );
    }
    const errors = (await Promise.all(tasks)).filter((error) => error !== undefined);
    return signal.aborted ? undefined : errors;
  } finally {
    clearInterval(progress);
    for (const name of SIGNALS) process.off(name, stop);
    release();
  }
}

/** @param {string} line */
function say(line) {
  process.stdout.write(`› ${line}\n`);
}

/**
 * Takes the lock at `file`, so that two commands in one clone do not install packages at the same time. Returns a function that
 * releases the lock.
 *
 * @param {string} file
 */
async function takeLock(file) {
  for (let isWaiting = false; ; isWaiting = true) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
      const owner = Number(existsSync(file) ? readFileSync(file, 'utf8') : 0);
      if (owner > 0 && !isAlive(owner)) rmSync(file, { force: true });
      else if (!isWaiting) say(`waiting for another installation in this folder (pid ${owner})`);
      await sleep(250);
    }
  }
  const release = () => rmSync(file, { force: true });
  process.once('exit', release);
  return () => {
    process.off('exit', release);
    release();
  };
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
