// @ts-check
// Prepares the Node process in which a command runs. This module imports no npm package, because the repository's own commands
// install the packages first.
import { accessSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { register } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { missingBroker, missingStore, thisMachine, unsupportedPlatform } from './runtime/platform.mjs';

const OLDEST_NODE = /** @type {const} */ ([20, 19]);

/** The commands that always start a broker and a DynamoDB. */
export const STARTS_SERVERS = new Set(['start', 'demo', 'faults', 'soak']);

/**
 * Prints an error in one line and ends this process.
 *
 * @param {string} line
 * @returns {never}
 */
function fail(line, exitCode = 1) {
  process.stderr.write(`surehop: ${line}\n`);
  process.exit(exitCode);
}

/**
 * Ends this process with an error if the version of Node, the path of the project or this machine rules out that `command` works.
 * Creates the folder .local of the project.
 *
 * @param {string | undefined} command
 * @param {string | undefined} root The folder of the project; undefined if there is none.
 */
export function checkPreconditions(command, root) {
  checkNode();
  const machine = thisMachine(process.env);
  const starts = STARTS_SERVERS.has(command ?? '');
  if (root !== undefined) checkFolder(root);
  const missing =
    unsupportedPlatform(machine) ??
    (starts ? (missingStore(machine, process.env) ?? missingBroker(machine, process.env)) : undefined);
  if (missing !== undefined) fail(missing);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  fail(
    `Node ${OLDEST_NODE.join('.')} or newer is needed, this is ${process.versions.node}; install it from https://nodejs.org`,
  );
}

/** @param {string} root */
function checkFolder(root) {
  if (root.includes('?'))
    fail(`the path ${root} contains a question mark, which tsx cannot load modules from; move the project`);
  const local = join(root, '.local');
  try {
    mkdirSync(local, { recursive: true });
  } catch {
    // The next line reports the error.
  }
  if (!isWritable(local)) fail(`${local} is not writable; change its owner, or use a copy of your own`);
}

/**
 * Returns a writable home directory, because some tools crash without one.
 *
 * @param {string} local The folder .local of the project.
 */
function usableHome(local) {
  const { HOME } = process.env;
  if (HOME && isWritable(HOME)) return HOME;
  const own = join(local, 'home');
  mkdirSync(own, { recursive: true });
  return own;
}

/** @param {string} directory */
function isWritable(directory) {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Sets what a command and the programs that it starts need: a writable home directory, and the end of this process when npm is
 * killed.
 *
 * @param {string | undefined} command
 * @param {string | undefined} root
 */
export function prepareProcess(command, root) {
  // The AWS SDK warns that it will not support old Node versions much longer, which does not concern users of this project.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  if (root !== undefined) process.env['HOME'] = usableHome(join(root, '.local'));
  endWithNpm(command);
}

/**
 * Prepares this process for the TypeScript modules of the project. After that, `@service/infra/topology.ts` in a published package
 * stands for infra/topology.ts of the project.
 *
 * @param {string} root
 */
export async function loadTypescript(root) {
  // @ts-expect-error tsx has no types for its loader.
  await import('tsx');
  register(serviceHooks(pathToFileURL(`${root}/`).href));
}

/**
 * Returns a module with a resolve hook (https://nodejs.org/api/module.html#customization-hooks), as a URL.
 *
 * @param {string} root
 */
const serviceHooks = (root) => {
  const code = `export const resolve = (specifier, context, next) =>
    next(specifier.startsWith('@service/') ? ${JSON.stringify(root)} + specifier.slice('@service/'.length) : specifier, context);`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
};

/**
 * Ends this process when npm is killed, because a killed npm does not stop the processes that it has started.
 *
 * @param {string | undefined} command
 */
function endWithNpm(command) {
  if (process.env['npm_lifecycle_event']?.split(':')[0] !== command) return;
  const before = ancestors();
  const watch = setInterval(() => {
    if (ancestors() === before) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
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

/**
 * Returns the environment variables for npm, with a writable cache. npm passes the path of its cache to child processes even if
 * the cache is not writable.
 *
 * @param {string} local
 */
export function npmEnvironment(local) {
  const HOME = usableHome(local);
  const { npm_config_cache: given } = process.env;
  const isUsable = given
    ? isWritable(given) || (!existsSync(given) && isWritable(dirname(given)))
    : HOME === process.env['HOME'];
  return { ...process.env, HOME, ...(!isUsable && { npm_config_cache: join(local, 'npm-cache') }) };
}
