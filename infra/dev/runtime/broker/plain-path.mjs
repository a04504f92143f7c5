// @ts-check
import { createHash } from 'node:crypto';
import { accessSync, constants, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const PLAIN = /^[\w./-]+$/;

/**
 * Returns a path to `directory` that contains only ASCII letters, digits and `._/-`: the path itself, or that of a symbolic link.
 * Other characters cause failures: RabbitMQ's scripts do not quote their own path, PATH cannot contain a colon, and the
 * management plugin crashes on a path that is not ASCII. The link has the same path at every call, and a call restores a deleted
 * link.
 *
 * @param {string} directory
 * @returns {string}
 */
export function plainPath(directory) {
  const target = resolve(directory);
  if (PLAIN.test(target)) return target;
  const link = linkOf(target);
  const fresh = `${link}.${process.pid}`;
  rmSync(fresh, { force: true });
  symlinkSync(target, fresh);
  renameSync(fresh, link);
  return link;
}

/**
 * Removes the symbolic link that `plainPath` created for `directory`, if there is one.
 *
 * @param {string} directory
 */
export function removePlainPath(directory) {
  const target = resolve(directory);
  if (!PLAIN.test(target)) rmSync(linkOf(target), { force: true });
}

/** @param {string} target */
function linkOf(target) {
  const name = createHash('sha256').update(target).digest('hex').slice(0, 12);
  return join(folderForLinks(), `surehop-${process.getuid?.() ?? 0}-${name}`);
}

/**
 * Returns the folder for symbolic links. TMPDIR is the last choice, because it can change between two starts and can contain
 * special characters itself.
 */
function folderForLinks() {
  const found = ['/tmp', '/var/tmp', tmpdir()].find((folder) => PLAIN.test(folder) && isWritable(folder));
  if (found !== undefined) return found;
  throw new Error(`cannot create a symbolic link in /tmp, /var/tmp or ${tmpdir()}: make one of them writable`);
}

/** @param {string} folder */
function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
