import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * The process that holds a lock. `startedAt` distinguishes this process from a later process with the same process id.
 */
interface Holder {
  readonly pid: number;
  readonly startedAt: string;
}

/**
 * Takes the lock at `file` for this process, or returns the id of another running process that holds it. A lock of a
 * process that has ended is taken over.
 */
export function takeLock(file: string): { readonly release: () => void } | { readonly heldBy: number } {
  mkdirSync(dirname(file), { recursive: true });
  const own = `${file}.${process.pid}`;
  const text = JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid) ?? '' } satisfies Holder);
  writeFileSync(own, text);
  try {
    for (;;) {
      try {
        linkSync(own, file); // fails if the file exists, so only one process can succeed
        return { release: () => (read(file) === text ? rmSync(file, { force: true }) : undefined) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const heldBy = lockHolder(file);
      if (heldBy !== undefined) return { heldBy };
      removeStale(file);
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/** Returns the id of the running process that holds the lock at `file`, or undefined if no running process holds it. */
export function lockHolder(file: string): number | undefined {
  const holder = parse(read(file));
  if (holder === undefined) return undefined;
  const startedAt = startOf(holder.pid);
  return startedAt === undefined || (holder.startedAt !== '' && startedAt !== '' && startedAt !== holder.startedAt)
    ? undefined
    : holder.pid;
}

/** Removes the lock of a process that has ended. */
function removeStale(file: string): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
    if (lockHolder(aside) !== undefined) linkSync(aside, file);
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return '';
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? undefined : (fields[18] ?? '');
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function parse(text: string | undefined): Holder | undefined {
  try {
    const holder: unknown = JSON.parse(text ?? '');
    return typeof holder === 'object' && holder !== null && 'pid' in holder && Number.isInteger(holder.pid)
      ? { pid: Number(holder.pid), startedAt: 'startedAt' in holder ? String(holder.startedAt) : '' }
      : undefined;
  } catch {
    return undefined;
  }
}
