import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

const LAST = cpus().length - 1;

/** Whether a process can be kept to one processor here. */
export const canPin = LAST > 0 && spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;

function keepTo(processor: number, pid: number | undefined): void {
  if (canPin && pid !== undefined) spawnSync('taskset', ['-acp', String(processor), String(pid)], { stdio: 'ignore' });
}

/** A processor for one side: what a function with 1,769 MB has (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html). */
export const keepToOne = (pid: number | undefined): void => keepTo(LAST, pid);

/** Another one for the store, which takes none of a function's time on AWS either. */
export const keepToAnother = (pid: number | undefined): void => keepTo(0, pid);
