import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

const LAST = cpus().length - 1;

/** Whether this machine can pin a process to one processor. */
export const canPin = LAST > 0 && spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;

function keepTo(processor: number, pid: number | undefined): void {
  if (canPin && pid !== undefined) spawnSync('taskset', ['-acp', String(processor), String(pid)], { stdio: 'ignore' });
}

/**
 * Pins a side to one processor, which is what a function with 1,769 MB has
 * (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
 */
export const keepToOne = (pid: number | undefined): void => keepTo(LAST, pid);

/** Pins the store to another processor, because on AWS the store does not use the function's processor. */
export const keepToAnother = (pid: number | undefined): void => keepTo(0, pid);
