import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Problem, reasonOf, type Say } from '../command-line.ts';
import type { RabbitmqServer } from './installed.ts';
import { scriptsUnder } from './installed.ts';
import { openApt, type Apt } from './apt.ts';
import { plainPath } from './plain-path.ts';
import { run } from '../run-command.ts';

const HOW_TO_FIX =
  'set AMQP_URL to a running broker, start Docker, install rabbitmq-server, or run "sudo apt-get update" and try again';
const COMPLETE = 'complete';
const SCRATCH = 'unpacking-';
const LEFTOVER_AFTER_MS = 3_600_000;

/**
 * Downloads Debian's packages of RabbitMQ and Erlang once and unpacks them in `directory`. It installs nothing and needs no root
 * permissions.
 */
export async function unpackDebianServer({ directory, say }: { directory: string; say: Say }): Promise<RabbitmqServer> {
  const before = findUnpacked(directory);
  if (before !== undefined) return before;
  try {
    mkdirSync(directory, { recursive: true });
    const apt = await openApt({ package: 'rabbitmq-server', stateDirectory: join(directory, 'apt'), say });
    const packages = await closureOf(apt, 'rabbitmq-server');
    await unpack(apt, packages, directory, say);
  } catch (error) {
    throw new Problem(`RabbitMQ could not be unpacked from Debian packages: ${reasonOf(error)}; ${HOW_TO_FIX}`, {
      cause: error,
    });
  }
  const after = findUnpacked(directory);
  if (after !== undefined) return after;
  throw new Problem(
    `the unpacked RabbitMQ in ${directory} is incomplete; delete that folder and try again, or ${HOW_TO_FIX}`,
  );
}

/**
 * Returns the packages to unpack: RabbitMQ, Erlang, and the shared libraries that this system lacks, but no tools for system
 * services.
 */
async function closureOf(apt: Apt, root: string): Promise<string[]> {
  const wanted = new Set<string>();
  let next = [root];
  while (next.length > 0) {
    for (const name of next) wanted.add(name);
    const dependencies = (await apt.dependenciesOf(next)).filter((name) => !wanted.has(name));
    const libraries = dependencies.filter((name) => name.startsWith('lib'));
    const present = await apt.installedOf(libraries);
    next = [
      ...dependencies.filter((name) => name.startsWith('erlang-')),
      ...libraries.filter((name) => !present.has(name)),
    ];
  }
  return [...wanted].toSorted();
}

/**
 * Unpacks the packages into a temporary folder and then renames the folder, so that another process never sees a folder
 * with only some of the packages.
 */
async function unpack(apt: Apt, packages: readonly string[], directory: string, say: Say): Promise<void> {
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
      await run('dpkg-deb', ['--extract', join(archives, archive), root]);
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
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * Deletes temporary folders older than one hour. Unpacking never takes an hour, and therefore the process that created
 * such a folder must have been killed.
 */
function removeLeftovers(directory: string): void {
  for (const name of readdirSync(directory).filter((entry) => entry.startsWith(SCRATCH))) {
    const path = join(directory, name);
    const ageMs = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (ageMs > LEFTOVER_AFTER_MS) rmSync(path, { recursive: true, force: true });
  }
}

function findUnpacked(directory: string): RabbitmqServer | undefined {
  if (!existsSync(join(directory, 'root', COMPLETE))) return undefined;
  const plain = plainPath(directory);
  const root = join(plain, 'root');
  const scriptsDirectory = scriptsUnder(join(root, 'usr/lib/rabbitmq/lib'));
  const erlang = join(root, 'usr/lib/erlang');
  if (scriptsDirectory === undefined || !existsSync(erlang)) return undefined;
  return { scriptsDirectory, path: [erlangWrappers(plain, erlang)], describe: 'unpacked Debian packages' };
}

/** Writes scripts that start Erlang's programs, because Debian's own scripts contain the path of an installation. */
function erlangWrappers(directory: string, erlang: string): string {
  const runtime = readdirSync(erlang).find((name) => name.startsWith('erts-')) ?? 'erts';
  const libraries = ['usr/lib', 'lib'].flatMap((base) => [`${base}/${multiarch()}`, base]);
  const searched = libraries.map((path) => join(directory, 'root', path)).join(':');
  const bin = join(directory, 'bin');
  mkdirSync(bin, { recursive: true });
  const wrap = (name: string, program: string) => {
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

function multiarch(): string {
  return { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch as string] ?? 'x86_64-linux-gnu';
}
