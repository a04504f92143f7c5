import { setTimeout as sleep } from 'node:timers/promises';

import { onShutdown, Problem, reasonOf, say } from '../runtime/command-line.ts';
import type { Action, DeadLetterClient, Job } from './dead-letters.ts';

const POLL_MS = 2_000;

const DONE: Readonly<Record<Action, string>> = { redrive: 'redriven', discard: 'discarded' };

export function progressOf({ id, order, status, progress }: Job): string {
  const { done, failed, skipped, error } = progress;
  const reasons = Object.entries(skipped).map(([reason, count]) => `${count} ${reason}`);
  const parts = [
    `${done} ${DONE[order.action]}`,
    failed > 0 && `${failed} failed`,
    reasons.length > 0 && `skipped: ${reasons.join(', ')}`,
    error !== undefined && `last error: ${error}`,
  ];
  return `${id} ${status}: ${parts.filter(Boolean).join('; ')}`;
}

/**
 * Prints the progress of a redrive or discard job until the job ends. Ctrl-C ends only this command, and not the job.
 * Returns exit code 0 if every selected dead letter was redriven or discarded.
 */
export async function followJob(client: DeadLetterClient, id: string): Promise<number> {
  const jobContinues = `the service continues the job: surehop dead-letters watch ${id} shows its progress, surehop dead-letters cancel ${id} cancels it`;
  const interrupted = new Promise<undefined>((resolve) => {
    onShutdown({ begin: () => resolve(undefined), force: () => process.exit(130) });
  });
  const ended = untilEnd(client, id).catch((error: unknown) => {
    throw new Problem(`the progress of the job cannot be shown any more (${reasonOf(error)}); ${jobContinues}`, {
      cause: error,
    });
  });
  const job = await Promise.race([ended, interrupted]);
  if (job === undefined) {
    say(jobContinues);
    return 130;
  }
  const { failed, skipped } = job.progress;
  return job.status === 'done' && failed === 0 && Object.keys(skipped).length === 0 ? 0 : 1;
}

async function untilEnd(client: DeadLetterClient, id: string): Promise<Job> {
  let shown = '';
  const show = (job: Job | undefined) => {
    if (job === undefined || progressOf(job) === shown) return;
    shown = progressOf(job);
    say(shown);
  };
  for (;;) {
    const working = client.continueJob(id);
    while ((await Promise.race([working, sleep(POLL_MS, undefined)])) === undefined)
      show((await client.jobs()).find((job) => job.id === id));
    const job = await working;
    show(job);
    if (job.status !== 'running') return job;
    // The service responds at once if it is already working on the job, or if the broker or DynamoDB is unavailable.
    await sleep(POLL_MS);
  }
}
