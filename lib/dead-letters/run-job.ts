import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import pMap from 'p-map';

import { describeError } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';
import { shortText } from '../runtime/short-text.ts';
import { errorFields } from '../runtime/stack.ts';
import type { DeadLetter } from '../archive/dead-letter.ts';
import type { Job, JobProgress } from './job.ts';
import { leaseJob, recordStep } from './job-requests.ts';
import { recordDiscard } from './record-action.ts';
import {
  CHUNK,
  CHUNK_BYTES,
  isOfDeadLetter,
  publishRedriven,
  readIfUnchanged,
  redriveRules,
  type Redriving,
} from './redrive.ts';
import { isOvertaken } from './redrive-refusal.ts';
import { refusalOf, selectDeadLetters } from './select-dead-letters.ts';

const CONCURRENCY = 16;

/** The Lambda function starts the next step of a job only if its invocation has at least this time left, in ms. */
export const RESERVE_MS = 8_000;

/**
 * How long a process leases a job, in ms. If the process dies, another process can continue the job after this time.
 */
const LEASE_MS = 60_000;

/**
 * Runs the steps of a job until the job ends or the invocation has little time left. Returns `undefined` if another
 * process is working on the job. If a step fails, stores the error in the job and throws it.
 */
export async function runJob(
  redriving: Redriving,
  id: string,
  remainingMs: () => number,
  owner: string = randomUUID(),
): Promise<Job | undefined> {
  const { table, clock } = redriving;
  const lease = () => ({ nowMs: clock.now(), untilMs: clock.now() + LEASE_MS });
  let job = await leaseJob(table, id, owner, lease().nowMs, lease().untilMs);
  let isFailing = false;
  while (job?.status === 'running' && !isFailing && remainingMs() > RESERVE_MS) {
    const startedAtMs = clock.now();
    const { order } = job;
    const count = Math.max(1, Math.min(CHUNK, Math.ceil(order.ratePerSecond), order.maximum - job.progress.done));
    const current: Job = job;
    const doStep = async () => {
      const selected = await selectDeadLetters(table, current, { count, bytes: CHUNK_BYTES });
      return { ...selected, result: await carryOut(redriving, current, selected.deadLetters) };
    };
    // If the process dies before `recordStep`, another process repeats this step.
    const { deadLetters, unknown, position, isLast, result } = await doStep().catch(async (error: unknown) => {
      await recordError(redriving, current, owner, error);
      throw error;
    });
    isFailing = result.isRepeated;
    const progress = add(job.progress, result, unknown.length);
    const hasReachedMaximum = progress.done >= job.order.maximum;
    job = await recordStep(
      table,
      id,
      owner,
      {
        status: !isFailing && (isLast || hasReachedMaximum) ? 'done' : 'running',
        progress,
        position: isFailing ? job.position : position,
      },
      lease(),
    );
    if (job?.status === 'running' && !isFailing) {
      const pauseMs = (deadLetters.length * 1_000) / job.order.ratePerSecond - (clock.now() - startedAtMs);
      if (pauseMs > 0) {
        await sleep(Math.min(pauseMs, Math.max(remainingMs() - RESERVE_MS, 0)));
        // An operator may have cancelled the job during the pause.
        job = await leaseJob(table, id, owner, lease().nowMs, lease().untilMs);
      }
    }
  }
  if (job?.status !== 'running') return job;
  // Without the lease, any process can continue the job at once.
  const { status, progress, position } = job;
  return recordStep(table, id, owner, { status, progress, position }, { nowMs: clock.now(), untilMs: 0 });
}

/** Stores the error of a failed step in the job, and ends the lease on the job. */
async function recordError(
  { table, clock }: Redriving,
  { id, progress, position }: Job,
  owner: string,
  error: unknown,
): Promise<void> {
  const { code, message } = describeError(error);
  const stored = { ...progress, error: shortText(`${code}: ${message}`, 1_000) };
  const step = { status: 'running', progress: stored, position } as const;
  await recordStep(table, id, owner, step, { nowMs: clock.now(), untilMs: 0 }).catch((unrecorded: unknown) =>
    log().warn('cannot store the error of a failed job step', { jobId: id, ...errorFields(unrecorded) }),
  );
}

interface StepResult {
  readonly done: number;
  readonly failed: number;
  readonly skipped: readonly string[];
  readonly error?: string;
  readonly isRepeated: boolean;
}

/** Redrives or discards the given dead letters. Skips each dead letter that must not be redriven or discarded. */
async function carryOut(redriving: Redriving, job: Job, deadLetters: readonly DeadLetter[]): Promise<StepResult> {
  const { order, createdAt } = job;
  const rules = redriveRules(redriving, order.force);
  const refusals: string[] = [];
  const wanted = deadLetters.filter((deadLetter) => {
    const refusal = wasRedriven(deadLetter, createdAt) ? 'already-redriven' : refusalOf(deadLetter, order, rules);
    if (refusal) refusals.push(refusal);
    return !refusal;
  });
  const result = await (order.action === 'redrive' ? redrive : discard)(redriving, job, wanted);
  // A repeated step meets the dead letters that were skipped again.
  return result.isRepeated ? result : { ...result, skipped: [...refusals, ...result.skipped] };
}

/**
 * Whether a dead letter was redriven after the job had started. If a step of the job is repeated, the step must not
 * redrive such a dead letter again.
 */
const wasRedriven = ({ history }: DeadLetter, startedAt: string): boolean =>
  (history.findLast(({ action }) => action === 'redriven')?.at ?? '') >= startedAt;

async function redrive(
  redriving: Redriving,
  { id, order: { force, reason, requestedBy } }: Job,
  deadLetters: readonly DeadLetter[],
): Promise<StepResult> {
  const read = await pMap(deadLetters, (deadLetter) => readIfUnchanged(redriving, deadLetter), {
    concurrency: CONCURRENCY,
  });
  const items = read.filter((item) => item !== undefined);
  const skipped = Array.from({ length: deadLetters.length - items.length }, () => 'already-redriven');
  const errors = await publishRedriven(redriving, items, { force, by: requestedBy, reason });
  let done = 0;
  let failed = 0;
  let lastError: string | undefined;
  let isRepeated = false;
  for (const error of errors)
    if (!error) done += 1;
    else if (isOvertaken(error)) skipped.push(error.problem);
    else {
      const { code, message } = describeError(error);
      lastError = `${code}: ${message}`;
      if (isOfDeadLetter(error)) failed += 1;
      else isRepeated = true;
    }
  if (lastError !== undefined)
    log().warn('a job could not redrive some dead letters', {
      jobId: id,
      failed: errors.length - done,
      error: lastError,
    });
  if (isRepeated) return { done, failed: 0, skipped: [], error: lastError, isRepeated };
  return { done, failed, skipped, error: lastError, isRepeated };
}

async function discard(
  { table, clock }: Redriving,
  { order: { reason, requestedBy } }: Job,
  deadLetters: readonly DeadLetter[],
): Promise<StepResult> {
  const at = new Date(clock.now()).toISOString();
  const action = { action: 'discarded', at, reason, by: requestedBy } as const;
  const discarded = await pMap(deadLetters, ({ id }) => recordDiscard(table, id, action), { concurrency: CONCURRENCY });
  const skipped = discarded.filter((isDiscarded) => !isDiscarded).map(() => 'not-open');
  return { done: deadLetters.length - skipped.length, failed: 0, skipped, isRepeated: false };
}

function add(
  progress: JobProgress,
  { done, failed, skipped, error, isRepeated }: StepResult,
  unknown: number,
): JobProgress {
  const counts = { ...progress.skipped };
  const reasons = isRepeated ? skipped : [...skipped, ...Array.from({ length: unknown }, () => 'not-found')];
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  return {
    done: progress.done + done,
    failed: progress.failed + failed,
    skipped: counts,
    error: error ?? progress.error,
  };
}
