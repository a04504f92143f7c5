import type { JobOrder } from './job.ts';
import { redriveRules, type Redriving } from './redrive.ts';
import { refusalOf, selectDeadLetters } from './select-dead-letters.ts';

/** What a job would do. */
interface DryRun {
  /** How many dead letters the job would redrive or discard. */
  readonly count: number;
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
  /** The cursor for the next request of the dry run. Absent if the dry run has examined every dead letter. */
  readonly position?: string;
}

interface Limits {
  /** How many dead letters one request examines before it answers. */
  readonly examined?: number;
  /** Returns the number of milliseconds until the deadline for the HTTP response. */
  readonly remainingMs: () => number;
}

const EXAMINED = 5_000;

const PAGE = 2_500;

/** The time limit, in ms, for examining dead letters in one request of a dry run. */
const PATIENCE_MS = 5_000;

const RESERVE_MS = 8_000;

/**
 * Counts the dead letters that a job would redrive or discard, without changing them. Stops after `examined` dead
 * letters, or when time runs out.
 */
export async function dryRun(
  redriving: Pick<Redriving, 'table' | 'clock' | 'inboxSettings' | 'queues'>,
  order: Pick<JobOrder, 'action' | 'ids' | 'filter' | 'maximum' | 'force'>,
  from: string | undefined,
  { examined: maximum = EXAMINED, remainingMs }: Limits,
): Promise<DryRun> {
  const createdAt = new Date(redriving.clock.now()).toISOString();
  const untilMs = Math.max(remainingMs() - PATIENCE_MS, RESERVE_MS);
  const skipped: { id: string; reason: string }[] = [];
  let count = 0;
  let position = from;
  for (;;) {
    const limits = { count: Math.min(PAGE, maximum, order.maximum - count), bytes: Number.POSITIVE_INFINITY };
    const selected = await selectDeadLetters(redriving.table, { order, createdAt, position }, limits);
    for (const deadLetter of selected.deadLetters) {
      const reason = refusalOf(deadLetter, order, redriveRules(redriving, order.force));
      if (reason === undefined) count += 1;
      else skipped.push({ id: deadLetter.id, reason });
    }
    for (const id of selected.unknown) skipped.push({ id, reason: 'not-found' });
    if (selected.isLast || count >= order.maximum) return { count, skipped };
    position = selected.position;
    if (count + skipped.length >= maximum || remainingMs() <= untilMs) return { count, skipped, position };
  }
}
