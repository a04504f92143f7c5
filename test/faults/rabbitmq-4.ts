import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Say } from '../../infra/dev/runtime/command-line.ts';
import { run } from '../../infra/dev/runtime/run-command.mjs';

const COMPLETE = 'complete';
const LIBRARY = 'usr/lib/rabbitmq/lib';
const INSTALL_WITHIN_MS = 900_000;

/** Returns the reason why this machine cannot run RabbitMQ 4, or `undefined` if the machine can run it. */
export async function whyNoRabbitmq4(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'it needs Linux';
  if (process.getuid?.() !== 0) return 'it needs root, for a root directory of its own';
  const works = (command: string, ...args: string[]) =>
    run(command, args).then(
      () => true,
      () => false,
    );
  if (!(await works('unshare', '--mount', 'true'))) return 'mount namespaces cannot be made here';
  if (!(await works('debootstrap', '--version'))) return 'debootstrap is not installed (apt-get install debootstrap)';
  return undefined;
}

/**
 * Installs RabbitMQ 4 from Debian unstable in a chroot directory below `directory`, unless it is already there. Returns
 * the path of the chroot directory.
 */
export async function unpackRabbitmq4({ directory, say }: { directory: string; say: Say }): Promise<string> {
  const root = join(directory, 'root');
  if (existsSync(join(root, COMPLETE))) return root;
  mkdirSync(directory, { recursive: true });
  const scratch = mkdtempSync(join(directory, 'unpacking-'));
  try {
    say('unpacking RabbitMQ 4 from Debian (about 400 MB, one minute, only once)');
    const mirror = await mirrorOfApt();
    const target = join(scratch, 'root');
    const args = ['--variant=minbase', '--include=rabbitmq-server', 'sid', target, ...(mirror ? [mirror] : [])];
    await run('debootstrap', args, { timeoutMs: INSTALL_WITHIN_MS });
    writeFileSync(join(target, 'etc/hosts'), '127.0.0.1 localhost\n');
    writeFileSync(join(target, COMPLETE), '');
    // Another process may have unpacked RabbitMQ meanwhile.
    if (!existsSync(join(root, COMPLETE))) renameSync(target, root);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return root;
}

/** Returns the URL of the Debian mirror that is configured on this machine, or `undefined` if none is. */
async function mirrorOfApt(): Promise<string | undefined> {
  const list = await run('sh', ['-c', 'cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true']);
  return /https?:\/\/\S+\/debian\/?(?=\s)/.exec(list)?.[0];
}

/**
 * Returns the version of RabbitMQ in the chroot directory `root`, and the path of its scripts inside that directory.
 */
export function serverIn(root: string): { scripts: string; version: string } {
  const name = readdirSync(join(root, LIBRARY)).find((entry) => entry.startsWith('rabbitmq_server-'));
  if (name === undefined)
    throw new Error(
      `${root} exists but contains no RabbitMQ: delete this directory, and run the command again to unpack RabbitMQ`,
    );
  return { scripts: `/${LIBRARY}/${name}/sbin`, version: name.replace('rabbitmq_server-', '') };
}
