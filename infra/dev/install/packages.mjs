// @ts-check
import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * `start` is what the running service needs. `everything` adds what only tests and checks need: the devDependencies of
 * package.json.
 *
 * @typedef {'start' | 'everything'} Group
 */

const QUIET = ['--no-audit', '--no-fund', '--no-progress'];
const KILLED_AFTER_MS = 5_000;

/**
 * Returns which packages a command needs. Returns `everything` if packages of the devDependencies are already installed, so that
 * `npm start` never removes the test tools.
 *
 * @param {string} root
 * @param {boolean} needsEverything
 * @returns {Group}
 */
export function groupOf(root, needsEverything) {
  if (needsEverything) return 'everything';
  const { locked, installed } = read(root);
  return Object.keys(installed).some((path) => locked[path]?.dev) ? 'everything' : 'start';
}

/**
 * Returns whether the installed packages match package-lock.json, according to npm's own record. The times of files do not show
 * this after a clone was copied.
 *
 * @param {string} root
 * @param {Group} group
 */
export function isInstalled(root, group) {
  const { locked, installed } = read(root);
  return (
    Object.keys(installed).length > 0 &&
    Object.entries(locked).every(([path, { version, dev, optional, devOptional, peer, link }]) => {
      if (link) return existsSync(join(root, path));
      if (!path.includes('node_modules/') || (group === 'start' && dev)) return true;
      const there = installed[path];
      return there === undefined ? Boolean(optional || devOptional || peer) : there.version === version;
    })
  );
}

/**
 * Returns how many packages of the group npm has unpacked, and how many it will unpack at least.
 *
 * @param {string} root
 * @param {Group} group
 */
export function progressOf(root, group) {
  const wanted = Object.entries(read(root).locked).filter(
    ([path, { dev, optional, devOptional, peer, link }]) =>
      path.includes('node_modules/') && !(optional || devOptional || peer || link || (group === 'start' && dev)),
  );
  return {
    done: wanted.filter(([path]) => existsSync(join(root, path, 'package.json'))).length,
    total: wanted.length,
  };
}

/**
 * Installs the packages of the group with npm. npm's output goes to the file `log`.
 *
 * @param {{ root: string, group: Group, log: string, environment: NodeJS.ProcessEnv, signal: AbortSignal }} options
 */
export async function installPackages({ root, group, log, environment, signal }) {
  mkdirSync(dirname(log), { recursive: true });
  const omit = group === 'start' ? ['--omit=dev'] : [];
  const npm = (/** @type {string[]} */ ...args) =>
    runNpm([...args, ...omit, ...QUIET], { cwd: root, log, environment, signal });
  // `npm ci` deletes all installed packages first. If npm has installed packages before, `npm install` changes only those that differ
  // from the lock file, which takes less time, and the packages of a running `npm start` stay where they are.
  const clean = ['ci'];
  const additive = ['install', '--no-save'];
  const attempts = Object.keys(read(root).installed).length === 0 ? [clean, additive] : [additive, clean];
  let complaint;
  for (const args of attempts) {
    writeFileSync(log, '');
    complaint = await npm(...args);
    if (complaint === undefined || signal.aborted) return;
  }
  throw new Error(
    `cannot install the npm packages: ${complaint}; fix the problem (npm's output is in ${log}) and try again`,
  );
}

/**
 * Runs npm. Returns undefined if npm succeeds, and otherwise what npm complains about.
 *
 * @param {readonly string[]} args
 * @param {{ cwd: string, log: string, environment: NodeJS.ProcessEnv, signal: AbortSignal }} options
 * @returns {Promise<string | undefined>}
 */
function runNpm(args, { cwd, log, environment, signal }) {
  return new Promise((resolve) => {
    appendFileSync(log, `$ npm ${args.join(' ')}\n`);
    const sink = openSync(log, 'a');
    // npm runs in a process group of its own, so that its install scripts can be stopped together with npm.
    const child = spawn('npm', args, { cwd, env: environment, stdio: ['ignore', sink, sink], detached: true });
    closeSync(sink);
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    const killGroup = (/** @type {NodeJS.Signals} */ name) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, name);
      } catch {
        // All processes of the group have ended.
      }
    };
    const stop = () => {
      killGroup('SIGTERM');
      timer = setTimeout(killGroup, KILLED_AFTER_MS, 'SIGKILL');
    };
    signal.addEventListener('abort', stop, { once: true });
    const end = (/** @type {string | undefined} */ complaint) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      if (signal.aborted) killGroup('SIGKILL');
      resolve(complaint);
    };
    child.once('error', (/** @type {NodeJS.ErrnoException} */ error) =>
      end(error.code === 'ENOENT' ? 'npm is not on PATH' : error.message),
    );
    child.once('exit', (code, name) =>
      end(code === 0 ? undefined : (complaintIn(log) ?? `npm ended with ${name ?? `exit code ${code}`}`)),
    );
  });
}

/** @param {string} log */
function complaintIn(log) {
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => /^npm (error|ERR!) /.test(line))
    .map((line) => line.replace(/^npm (error|ERR!) /, ''))
    .find((line) => !/^(code|errno|syscall|path|A complete log|\s|$)/.test(line));
}

/**
 * A package in package-lock.json, and in npm's record of what it has installed.
 *
 * @typedef {{ version?: string, dev?: boolean, optional?: boolean, devOptional?: boolean, peer?: boolean, link?: boolean }} Package
 */

/**
 * @param {string} root
 * @returns {{ locked: Record<string, Package>, installed: Record<string, Package> }}
 */
function read(root) {
  const packagesIn = (/** @type {string} */ path) => JSON.parse(readFileSync(join(root, path), 'utf8')).packages;
  try {
    return { locked: packagesIn('package-lock.json'), installed: packagesIn('node_modules/.package-lock.json') };
  } catch {
    return { locked: packagesIn('package-lock.json'), installed: {} };
  }
}
