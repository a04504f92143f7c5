import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Who holds a lock; the start time tells a process from a later one with the same id. */
interface Holder {
  readonly pid: number;
  readonly startedAt: string;
}

/** Takes the lock at `file` for this process, or gives the id of the live process that has it. A dead one's is taken over. */
export function takeLock(file: string): { readonly release: () => void } | { readonly heldBy: number } {
  mkdirSync(dirname(file), { recursive: true });
  const own = `${file}.${process.pid}`;
  const text = JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid) ?? '' } satisfies Holder);
  writeFileSync(own, text);
  try {
    for (;;) {
      try {
        linkSync(own, file); // fails where the file exists: only one process can win
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

/** The live process that holds the lock at `file`. */
export function lockHolder(file: string): number | undefined {
  const holder = parse(read(file));
  if (holder === undefined) return undefined;
  const startedAt = startOf(holder.pid);
  return startedAt === undefined || (holder.startedAt !== '' && startedAt !== '' && startedAt !== holder.startedAt)
    ? undefined
    : holder.pid;
}

/** Moves the dead process's lock away; where another process was faster and its live lock was caught, puts that back. */
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

/** When a process started, in the system's own unit; "" where the system does not tell, undefined where there is no such process. */
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
