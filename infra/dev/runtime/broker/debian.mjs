// @ts-check
// This module is plain JavaScript and imports no npm package, because it also runs while npm installs the packages.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scriptsUnder } from './installed.mjs';
import { openApt } from './apt.mjs';
import { plainPath } from './plain-path.mjs';
import { run } from '../run-command.mjs';

/** @import { Apt } from './apt.mjs' */
/** @import { RabbitmqServer } from './installed.mjs' */

const HOW_TO_FIX =
  'set AMQP_URL to a running broker, start Docker, install rabbitmq-server, or run "sudo apt-get update" and try again';
const COMPLETE = 'complete';
const SCRATCH = 'unpacking-';
const LEFTOVER_AFTER_MS = 3_600_000;

/**
 * Downloads Debian's packages of RabbitMQ and Erlang once and unpacks them in `directory`. It installs nothing and needs no root
 * permissions. If `signal` is aborted, ends the programs that it has started and deletes the unfinished files.
 *
 * @param {{ directory: string, say: (line: string) => void, signal?: AbortSignal }} options
 * @returns {Promise<RabbitmqServer>}
 */
export async function unpackDebianServer({ directory, say, signal }) {
  const before = findUnpacked(directory);
  if (before !== undefined) return before;
  try {
    mkdirSync(directory, { recursive: true });
    const apt = await openApt({ package: 'rabbitmq-server', stateDirectory: join(directory, 'apt'), say, signal });
    const packages = await closureOf(apt, 'rabbitmq-server', (name) => name.startsWith('erlang-'));
    await unpack(apt, packages, { directory, say, signal });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`RabbitMQ could not be unpacked from Debian packages: ${reason}; ${HOW_TO_FIX}`, { cause: error });
  }
  const after = findUnpacked(directory);
  if (after !== undefined) return after;
  throw new Error(
    `the unpacked RabbitMQ in ${directory} is incomplete; delete that folder and try again, or ${HOW_TO_FIX}`,
  );
}

/**
 * Returns the packages to unpack for the package `root`: the package itself, the dependencies that `isWanted` selects by name,
 * and the shared libraries that this system lacks, but no tools for system services.
 *
 * @param {Apt} apt
 * @param {string} root
 * @param {(name: string) => boolean} isWanted
 * @returns {Promise<string[]>}
 */
export async function closureOf(apt, root, isWanted) {
  /** @type {Set<string>} */
  const wanted = new Set();
  let next = [root];
  while (next.length > 0) {
    for (const name of next) wanted.add(name);
    const dependencies = (await apt.dependenciesOf(next)).filter((name) => !wanted.has(name));
    const libraries = dependencies.filter((name) => name.startsWith('lib') && !isWanted(name));
    const present = await apt.installedOf(libraries);
    next = [...dependencies.filter(isWanted), ...libraries.filter((name) => !present.has(name))];
  }
  return [...wanted].toSorted();
}

/**
 * Unpacks the packages into a temporary folder and then renames the folder, so that another process never sees a folder
 * with only some of the packages.
 *
 * @param {Apt} apt
 * @param {readonly string[]} packages
 * @param {{ directory: string, say: (line: string) => void, signal?: AbortSignal }} options
 */
async function unpack(apt, packages, { directory, say, signal }) {
  removeLeftovers(directory);
  const scratch = mkdtempSync(join(directory, SCRATCH));
  try {
    const archives = join(scratch, 'archives');
    const root = join(scratch, 'root');
    mkdirSync(archives);
    mkdirSync(root);
    say(`downloading RabbitMQ and Erlang (${packages.length} packages, about 35 MB, first time only)`);
    await apt.download(packages, archives);
    say('unpacking RabbitMQ and Erlang');
    for (const archive of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
      await run('dpkg-deb', ['--extract', join(archives, archive), root], { signal });
    }
    rmSync(archives, { recursive: true });
    writeFileSync(join(root, COMPLETE), `${packages.join('\n')}\n`);
    try {
      renameSync(root, join(directory, 'root'));
    } catch (error) {
      if (findUnpacked(directory) !== undefined) return; // another process unpacked it first
      throw error;
    }
  } finally {
    // A program that was just stopped may still write files, so deleting the folder can fail at the first attempt.
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/**
 * Deletes temporary folders older than one hour. Unpacking never takes an hour, and therefore the process that created
 * such a folder must have been killed.
 *
 * @param {string} directory
 */
export function removeLeftovers(directory) {
  for (const name of readdirSync(directory).filter((entry) => entry.startsWith(SCRATCH))) {
    const path = join(directory, name);
    const ageMs = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (ageMs > LEFTOVER_AFTER_MS) rmSync(path, { recursive: true, force: true });
  }
}

/**
 * @param {string} directory
 * @returns {RabbitmqServer | undefined}
 */
function findUnpacked(directory) {
  if (!existsSync(join(directory, 'root', COMPLETE))) return undefined;
  const plain = plainPath(directory);
  const root = join(plain, 'root');
  const scriptsDirectory = scriptsUnder(join(root, 'usr/lib/rabbitmq/lib'));
  const erlang = join(root, 'usr/lib/erlang');
  if (scriptsDirectory === undefined || !existsSync(erlang)) return undefined;
  return { scriptsDirectory, path: [erlangWrappers(plain, erlang)], describe: 'unpacked Debian packages' };
}

/**
 * Writes scripts that start Erlang's programs, because Debian's own scripts contain the path of an installation.
 *
 * @param {string} directory
 * @param {string} erlang
 */
function erlangWrappers(directory, erlang) {
  const runtime = readdirSync(erlang).find((name) => name.startsWith('erts-')) ?? 'erts';
  const libraries = ['usr/lib', 'lib'].flatMap((base) => [`${base}/${multiarch()}`, base]);
  const searched = libraries.map((path) => join(directory, 'root', path)).join(':');
  const bin = join(directory, 'bin');
  mkdirSync(bin, { recursive: true });
  /** @type {(name: string, program: string) => void} */
  const wrap = (name, program) => {
    const file = join(bin, name);
    const text = `#!/bin/sh
ROOTDIR='${erlang}' BINDIR='${erlang}/${runtime}/bin' EMU=beam PROGNAME=${name}
LD_LIBRARY_PATH="${searched}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export ROOTDIR BINDIR EMU PROGNAME LD_LIBRARY_PATH
exec "$BINDIR/${program}" "$@"
`;
    writeFileSync(`${file}.${process.pid}`, text, { mode: 0o755 });
    renameSync(`${file}.${process.pid}`, file);
  };
  wrap('erl', 'erlexec');
  wrap('escript', 'escript');
  wrap('epmd', 'epmd');
  return bin;
}

function multiarch() {
  return process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
}
