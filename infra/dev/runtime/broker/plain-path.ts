import { createHash } from 'node:crypto';
import { accessSync, constants, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const PLAIN = /^[\w./-]+$/;

/**
 * A path to `directory` made of ASCII letters, digits and `._/-` only: the path itself, or a symbolic link to it. RabbitMQ's
 * scripts do not quote their own path, PATH cannot hold a colon, and the management plugin crashes on a path that is not ASCII.
 * The link's path is the same at every call; what it is called for again restores a link that was cleaned away.
 */
export function plainPath(directory: string): string {
  const target = resolve(directory);
  if (PLAIN.test(target)) return target;
  const link = linkOf(target);
  const fresh = `${link}.${process.pid}`;
  rmSync(fresh, { force: true });
  symlinkSync(target, fresh);
  renameSync(fresh, link);
  return link;
}

/** Removes the link that `plainPath` made for `directory`, if it made one. */
export function removePlainPath(directory: string): void {
  const target = resolve(directory);
  if (!PLAIN.test(target)) rmSync(linkOf(target), { force: true });
}

function linkOf(target: string): string {
  const name = createHash('sha256').update(target).digest('hex').slice(0, 12);
  return join(folderForLinks(), `surehop-${process.getuid?.() ?? 0}-${name}`);
}

/** Not TMPDIR at first: it may differ from one start to the next, and may itself not be plain. */
function folderForLinks(): string {
  const found = ['/tmp', '/var/tmp', tmpdir()].find((folder) => PLAIN.test(folder) && isWritable(folder));
  if (found !== undefined) return found;
  throw new Error(`no symbolic link can be made in /tmp, /var/tmp or ${tmpdir()}: make one of them writable`);
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
