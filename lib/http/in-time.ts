import { TaskCancelledError, timeout, TimeoutStrategy } from 'cockatiel';

import { Problem } from './problem.ts';

/** What `work` answers, or the problem of a deadline after `ms`; the signal tells the work that nobody waits any more. */
export async function inTime<T>(ms: number, work: (signal: AbortSignal) => Promise<T> | T): Promise<T> {
  try {
    return await timeout(Math.max(ms, 1), TimeoutStrategy.Aggressive).execute(async ({ signal }) => work(signal));
  } catch (error) {
    if (!(error instanceof TaskCancelledError)) throw error;
    throw new Problem(
      'deadline-exceeded',
      'What was begun may have been done. Send the same request again, with the same Idempotency-Key where it had one.',
      { members: { indeterminate: true } },
    );
  }
}
