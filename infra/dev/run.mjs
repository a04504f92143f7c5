// Starts a command of this project: `node infra/dev/run.mjs start|test|check|… [arguments]`. This script is plain JavaScript and
// imports no packages, because it installs the packages.
import { spawn } from 'node:child_process';
import {
  accessSync,
  appendFileSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  closeSync,
} from 'node:fs';
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = [20, 19];
const COMMANDS = {
  ...Object.fromEntries(
    ['start', 'check', 'reset', 'lock', 'topology', 'token', 'stages'].map((name) => [
      name,
      `infra/dev/commands/${name}.ts`,
    ]),
  ),
  demo: 'infra/demo/demo.ts',
  order: 'infra/demo/order.ts',
  test: 'test/command.ts',
  faults: 'test/faults/commands/faults.ts',
  soak: 'test/faults/commands/soak.ts',
  bench: 'test/bench/command.ts',
};
const PROGRESS_EVERY_MS = 10_000;

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const local = join(root, '.local');

function fail(line, exitCode = 1) {
  process.stderr.write(`surehop: ${line}\n`);
  process.exit(exitCode);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  fail(
    `Node ${OLDEST_NODE.join('.')} or newer is needed, this is ${process.versions.node}; install it from https://nodejs.org`,
  );
}

function checkPath() {
  if (root.includes('?'))
    fail(`the path ${root} contains a question mark, which tsx cannot load modules from; move the clone`);
}

function checkCommand(command) {
  if (Object.hasOwn(COMMANDS, command ?? '')) return;
  fail(`unknown command "${command ?? ''}"; the commands are ${Object.keys(COMMANDS).join(', ')}`, 2);
}

function script(command) {
  return join(root, COMMANDS[command]);
}

/**
 * Returns whether the installed packages match package-lock.json, according to npm's own record. The times of files do not show
 * this after a clone was copied.
 */
function isInstalled() {
  try {
    const read = (path) => JSON.parse(readFileSync(join(root, path), 'utf8')).packages;
    const asked = read('package-lock.json');
    const installed = read('node_modules/.package-lock.json');
    return Object.entries(asked).every(([path, { version, optional, devOptional, peer, link }]) => {
      if (path === '' || link) return true;
      const there = installed[path];
      return there === undefined ? Boolean(optional || devOptional || peer) : there.version === version;
    });
  } catch {
    return false;
  }
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Runs `install` while holding a lock, so that two commands in one clone do not install packages at the same time. */
async function withInstallLock(install) {
  const lock = join(local, 'install.lock');
  for (let isWaiting = false; ; isWaiting = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const owner = Number(existsSync(lock) ? readFileSync(lock, 'utf8') : 0);
      if (owner > 0 && !isAlive(owner)) rmSync(lock, { force: true });
      else if (!isWaiting) process.stdout.write(`› waiting for another installation in this folder (pid ${owner})\n`);
      await sleep(250);
    }
  }
  const unlock = () => rmSync(lock, { force: true });
  process.once('exit', unlock);
  if (!isInstalled()) await install();
  unlock();
}

/** Returns a writable home directory, because some tools crash without one. */
function usableHome() {
  const { HOME } = process.env;
  if (HOME && isWritable(HOME)) return HOME;
  const own = join(local, 'home');
  mkdirSync(own, { recursive: true });
  return own;
}

/**
 * Returns the environment variables for npm, with a writable cache. npm passes the path of its cache to child processes even if
 * the cache is not writable.
 */
function npmEnvironment() {
  const HOME = usableHome();
  const { npm_config_cache: given } = process.env;
  const isUsable = given
    ? isWritable(given) || (!existsSync(given) && isWritable(dirname(given)))
    : HOME === process.env.HOME;
  return { ...process.env, HOME, ...(!isUsable && { npm_config_cache: join(local, 'npm-cache') }) };
}

function isWritable(directory) {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function npm(args, log) {
  return new Promise((resolve) => {
    const sink = openSync(log, 'a');
    appendFileSync(log, `$ npm ${args.join(' ')}\n`);
    const child = spawn('npm', args, { cwd: root, env: npmEnvironment(), stdio: ['ignore', sink, sink] });
    closeSync(sink);
    const startedAt = performance.now();
    const progress = setInterval(() => {
      process.stdout.write(`› still installing (${Math.round((performance.now() - startedAt) / 1_000)} s)\n`);
    }, PROGRESS_EVERY_MS);
    const stop = (signal) => child.kill(signal);
    const end = (result) => {
      clearInterval(progress);
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, stop);
      resolve(result);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
    child.once('error', (error) => end(error.code === 'ENOENT' ? 'npm is not on PATH' : error.message));
    child.once('exit', (code, signal) => {
      if (signal !== null || code === 130 || code === 143) process.exit(130);
      end(code === 0 ? undefined : (npmComplaint(log) ?? `npm exited with code ${code}`));
    });
  });
}

function npmComplaint(log) {
  const lines = readFileSync(log, 'utf8').split('\n');
  return lines
    .filter((line) => /^npm (error|ERR!) /.test(line))
    .map((line) => line.replace(/^npm (error|ERR!) /, ''))
    .find((line) => !/^(code|errno|syscall|path|A complete log|\s|$)/.test(line));
}

async function install() {
  const log = join(local, 'logs', 'install.log');
  mkdirSync(dirname(log), { recursive: true });
  writeFileSync(log, '');
  process.stdout.write('› installing dependencies (about half a minute)\n');
  const quiet = ['--no-audit', '--no-fund', '--no-progress'];
  if ((await npm(['ci', ...quiet], log)) === undefined) return;
  writeFileSync(log, '');
  const complaint = await npm(['install', '--no-save', ...quiet], log);
  if (complaint === undefined) return;
  fail(`cannot install the dependencies: ${complaint}; fix the problem (npm's output is in ${log}) and try again`);
}

function runCommand(command, args) {
  const child = spawn(process.execPath, ['--import', 'tsx', script(command), ...args], {
    cwd: root,
    // The AWS SDK warns that it will not support old Node versions much longer, which does not concern users of this project.
    env: { ...process.env, HOME: usableHome(), AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    // The child stops when its IPC channel closes, which happens when this process ends for any reason.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  watchNpm(command, child);
  child.once('error', (error) => fail(`cannot start ${command}: ${error.message}`));
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}

/** Stops the child process when npm is killed, because a killed npm does not stop its child processes. */
function watchNpm(command, child) {
  if (process.env.npm_lifecycle_event?.split(':')[0] !== command) return;
  const before = ancestors();
  const watch = setInterval(() => {
    if (ancestors() === before) return;
    clearInterval(watch);
    child.kill('SIGTERM');
  }, 1_000);
  watch.unref();
}

/** Returns the ids of the parent process and of its parent. One of the two is npm, because npm can start a shell in between. */
function ancestors() {
  const { ppid } = process;
  try {
    const stat = readFileSync(`/proc/${ppid}/stat`, 'utf8');
    return `${ppid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]}`;
  } catch {
    return String(ppid);
  }
}

const [command, ...args] = process.argv.slice(2);
checkNode();
checkPath();
checkCommand(command);
try {
  mkdirSync(local, { recursive: true });
} catch {
  // The check for a writable folder below reports this error.
}
if (!isWritable(local)) fail(`${local} is not writable; change its owner, or use your own clone`);
if (!isInstalled()) await withInstallLock(install);
runCommand(command, args);
