import { log } from '../runtime/log.ts';
import { errorFields } from '../runtime/stack.ts';
import { listRunningJobs } from './job-requests.ts';
import type { Redriving } from './redrive.ts';
import { RESERVE_MS, runJob } from './run-job.ts';

/**
 * Continues all jobs that no process is working on, oldest first. Each job gets an equal share of the remaining time.
 * Returns how many jobs failed.
 */
export async function continueRunningJobs(redriving: Redriving, remainingMs: () => number): Promise<number> {
  const jobs = await listRunningJobs(redriving.table);
  let failed = 0;
  for (const [index, { id }] of jobs.entries()) {
    const usableMs = remainingMs() - RESERVE_MS;
    if (usableMs <= 0) break;
    const keptMs = usableMs - usableMs / (jobs.length - index);
    try {
      await runJob(redriving, id, () => remainingMs() - keptMs);
    } catch (error) {
      failed += 1;
      log().error('a redrive or discard job failed', { jobId: id, ...errorFields(error) });
    }
  }
  return failed;
}
