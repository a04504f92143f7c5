import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

const LAST = cpus().length - 1;

export const canPin = LAST > 0 && spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;

function keepTo(processor: number, pid: number | undefined): void {
  if (canPin && pid !== undefined) spawnSync('taskset', ['-acp', String(processor), String(pid)], { stdio: 'ignore' });
}

/**
 * Pins a measured process to one CPU, which is what a Lambda function with 1,769 MB of memory gets
 * (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
 */
export const keepToOne = (pid: number | undefined): void => keepTo(LAST, pid);

/** Pins the DynamoDB emulator to a CPU that the measured process does not use. */
export const keepToAnother = (pid: number | undefined): void => keepTo(0, pid);
