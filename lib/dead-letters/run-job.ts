import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import pMap from 'p-map';

import { describeError } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';
import type { DeadLetter } from '../archive/dead-letter.ts';
import { leaseJob, recordStep, type Job, type JobProgress } from './job.ts';
import { listDeadLetters } from './list.ts';
import { recordDiscard } from '../archive/record-action.ts';
import {
  CHUNK,
  chunkLength,
  isOfDeadLetter,
  publishRedriven,
  readIfArchived,
  readIfOpen,
  rememberedSince,
  type Redriving,
} from './redrive.ts';
import { isOvertaken, redriveRefusal } from './redrive-refusal.ts';

const CONCURRENCY = 16;

const RESERVE_MS = 8_000;

/**
 * How long a process leases a job, in ms. If the process dies, another process can continue the job after this time.
 */
const LEASE_MS = 60_000;

/**
 * Runs the steps of a job until the job ends or little time is left. Returns the job, or `undefined` if another process
 * is working on it.
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
    const { letters, unknown, position, isLast } = await nextLetters(redriving, job);
    // If the process dies before `recordStep`, another process repeats this step.
    const result = await carryOut(redriving, job, letters);
    isFailing = result.isRepeated;
    const progress = add(job.progress, result, unknown);
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
      const pauseMs = (letters.length * 1_000) / job.order.ratePerSecond - (clock.now() - startedAtMs);
      if (pauseMs > 0) await sleep(Math.min(pauseMs, Math.max(remainingMs() - RESERVE_MS, 0)));
    }
  }
  if (job?.status !== 'running') return job;
  // Without the lease, any process can continue the job at once.
  const { status, progress, position } = job;
  return recordStep(table, id, owner, { status, progress, position }, { nowMs: clock.now(), untilMs: 0 });
}

interface Selected {
  readonly letters: readonly DeadLetter[];
  readonly unknown: number;
  readonly position?: string;
  readonly isLast: boolean;
}

async function nextLetters({ table }: Redriving, { order, createdAt, position, progress }: Job): Promise<Selected> {
  const limit = Math.max(1, Math.min(CHUNK, Math.ceil(order.ratePerSecond), order.maximum - progress.done));
  if (order.ids) {
    const from = Number(position ?? 0);
    const ids = order.ids.slice(from, from + limit);
    const items = await pMap(ids, (id) => readIfArchived(table, id), { concurrency: CONCURRENCY });
    const read = items.map((item) => item?.deadLetter);
    const length = chunkLength(read.map((letter) => letter ?? { bodyBytes: 0 }));
    const letters = read.slice(0, length).filter((letter) => letter !== undefined);
    const next = from + length;
    return {
      letters,
      unknown: length - letters.length,
      position: String(next),
      isLast: next >= order.ids.length,
    };
  }
  // A redriven message may fail again, and its new dead letter must not be redriven by the same job.
  const to = order.filter?.to !== undefined && order.filter.to < createdAt ? order.filter.to : createdAt;
  const page = await listDeadLetters(
    table,
    { ...order.filter, to, status: 'open' },
    { limit, after: position, oldestFirst: true },
  );
  const letters = page.deadLetters.slice(0, chunkLength(page.deadLetters));
  const isCut = letters.length < page.deadLetters.length;
  const last = letters.at(-1);
  return {
    letters,
    unknown: 0,
    position: isCut && last ? `${last.deadLetteredAt}#${last.id}` : page.after,
    isLast: !isCut && page.after === undefined,
  };
}

interface StepResult {
  readonly done: number;
  readonly failed: number;
  readonly skipped: readonly string[];
  readonly error?: string;
  readonly isRepeated: boolean;
}

const carryOut = (redriving: Redriving, job: Job, letters: readonly DeadLetter[]): Promise<StepResult> =>
  job.order.action === 'redrive' ? redrive(redriving, job, letters) : discard(redriving, job, letters);

async function redrive(
  redriving: Redriving,
  { id, order: { force, reason, requestedBy } }: Job,
  letters: readonly DeadLetter[],
): Promise<StepResult> {
  const rules = { force, rememberedSinceMs: rememberedSince(redriving) };
  const skipped: string[] = [];
  const wanted = letters.filter((letter) => {
    const refusal = redriveRefusal(letter, rules);
    if (refusal) skipped.push(refusal);
    return !refusal;
  });
  const items = (await pMap(wanted, (letter) => readIfOpen(redriving, letter), { concurrency: CONCURRENCY })).filter(
    (item) => item !== undefined,
  );
  skipped.push(...Array.from({ length: wanted.length - items.length }, () => 'already-redriven'));
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
  // A repeated step meets the dead letters that failed or were skipped again.
  if (isRepeated) return { done, failed: 0, skipped: [], error: lastError, isRepeated };
  return { done, failed, skipped, error: lastError, isRepeated };
}

async function discard(
  { table, clock }: Redriving,
  { order: { reason, requestedBy } }: Job,
  letters: readonly DeadLetter[],
): Promise<StepResult> {
  const at = new Date(clock.now()).toISOString();
  const action = { action: 'discarded', at, reason, by: requestedBy } as const;
  const discarded = await pMap(letters, ({ id }) => recordDiscard(table, id, action), { concurrency: CONCURRENCY });
  const skipped = discarded.filter((isDiscarded) => !isDiscarded).map(() => 'not-open');
  return { done: letters.length - skipped.length, failed: 0, skipped, isRepeated: false };
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
