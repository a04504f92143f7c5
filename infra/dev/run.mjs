// Starts a command of this project: `node infra/dev/run.mjs start|test|check|… [arguments]`. This script is plain JavaScript and
// imports no packages, because it installs the packages.
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install } from './install/install.mjs';
import { groupOf, isInstalled } from './install/packages.mjs';
import { missingBroker, missingStore, thisMachine, unsupportedPlatform } from './runtime/platform.mjs';

const OLDEST_NODE = [20, 19];
const COMMANDS = {
  ...Object.fromEntries(
    ['start', 'reset', 'topology', 'token', 'trace', 'metrics'].map((name) => [name, `infra/dev/commands/${name}.ts`]),
  ),
  build: 'infra/build/command.ts',
  check: 'infra/build/check.ts',
  lock: 'infra/build/lock.ts',
  stages: 'infra/build/stages.ts',
  demo: 'infra/demo/demo.ts',
  order: 'infra/demo/order.ts',
  test: 'test/command.ts',
  faults: 'test/faults/commands/faults.ts',
  soak: 'test/faults/commands/soak.ts',
  bench: 'test/bench/command.ts',
};
/** The commands that need packages of the devDependencies. */
const NEEDS_EVERYTHING = new Set(['test', 'check', 'build', 'faults', 'soak', 'bench', 'stages', 'metrics']);

/** The commands that always start a broker and a DynamoDB. */
const STARTS_SERVERS = new Set(['start', 'demo', 'faults', 'soak']);

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

function checkMachine(command, machine) {
  const starts = STARTS_SERVERS.has(command);
  const missing =
    unsupportedPlatform(machine) ??
    (starts ? (missingStore(machine, process.env) ?? missingBroker(machine, process.env)) : undefined);
  if (missing !== undefined) fail(missing);
}

function checkCommand(command) {
  if (Object.hasOwn(COMMANDS, command ?? '')) return;
  fail(`unknown command "${command ?? ''}"; the commands are ${Object.keys(COMMANDS).join(', ')}`, 2);
}

function script(command) {
  return join(root, COMMANDS[command]);
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
const machine = thisMachine(process.env);
checkMachine(command, machine);
// Testcontainers, which runs RabbitMQ and DynamoDB in Docker, belongs to the devDependencies.
const group = groupOf(root, NEEDS_EVERYTHING.has(command) || machine.hasDocker);
if (!isInstalled(root, group)) {
  const { hasDocker, hasRabbitmq } = machine;
  const needsDebianServer = STARTS_SERVERS.has(command) && !process.env.AMQP_URL && !hasDocker && !hasRabbitmq;
  const errors = await install({ root, local, group, needsDebianServer, environment: npmEnvironment() });
  if (errors === undefined) process.exit(130);
  for (const error of errors) process.stderr.write(`surehop: ${error}\n`);
  if (errors.length > 0) process.exit(1);
}
runCommand(command, args);
