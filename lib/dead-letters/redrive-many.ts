import pMap from 'p-map';

import { systemClock } from '../runtime/clock.ts';
import { config } from '../runtime/config.ts';
import { describeError, isOfMessage, PublishError } from '../runtime/errors.ts';
import { Problem } from '../http/problem.ts';
import { rememberedSinceMs } from '../inbox/remembered.ts';
import type { DeadLetter } from './dead-letter.ts';
import { listLetters, type Filter } from './list.ts';
import { readLetter } from './read.ts';
import { obstacleTo, type Obstacle } from './redrive-refusal.ts';
import { sendBack } from './redrive.ts';

export interface RedriveReport {
  readonly redriven: number;
  readonly skipped: readonly Skipped[];
  readonly failed: readonly { readonly id: string; readonly code: string }[];
  /** Those that cannot be sent as they are, however often they are tried. */
  readonly unwritable: readonly { readonly id: string; readonly why: string }[];
  /** Whether further dead letters may fit the filter: ask again for them. */
  readonly more: boolean;
}

interface Skipped {
  readonly id: string;
  readonly why: Exclude<Obstacle, 'unwritable'>;
}

interface Wish {
  readonly maximum: number;
  readonly force: boolean;
  /** Until the answer is due. */
  readonly remainingMs: () => number;
}

/** Records that are listed at once. */
const PAGE = 250;

/** Dead letters that are named at most, as skipped and as unwritable. */
const MAX_NAMED = 1_000;

/** Messages that are held in memory and sent at once, by their number and their bytes. */
const CHUNK = 50;
const CHUNK_BYTES = 16_000_000;

/** Messages that are read at once. */
const CONCURRENCY = 16;

/** With less time left than this, nothing further is begun. */
const RESERVE_MS = 10_000;

/** Sends up to `maximum` open dead letters that fit `filter` back, oldest first; ends early when time runs short. */
export async function redriveLetters(filter: Omit<Filter, 'status'>, wish: Wish): Promise<RedriveReport> {
  const { chosen, skipped, unwritable, more } = await choose(filter, wish);
  const failed: { id: string; code: string }[] = [];
  let redriven = 0;
  let firstError: Error | undefined;
  let left = chosen;
  while (left.length > 0 && wish.remainingMs() > RESERVE_MS) {
    const chunk = left.slice(0, chunkLength(left));
    left = left.slice(chunk.length);
    const letters = (await pMap(chunk, readIfOpen, { concurrency: CONCURRENCY })).filter((read) => read !== undefined);
    const errors = await sendBack(letters, wish);
    letters.forEach(({ deadLetter: { id } }, index) => {
      const error = errors[index];
      if (!error) redriven += 1;
      else if (error instanceof PublishError && isOfMessage(error)) name(unwritable, { id, why: error.message });
      else {
        failed.push({ id, code: describeError(error).code });
        firstError ??= error;
      }
    });
    // A broker that takes nothing at all takes none of the rest.
    if (redriven === 0 && firstError && !errors.some((error) => error && isOfLetter(error))) throw firstError;
  }
  if (redriven === 0 && firstError) throw firstError;
  return { redriven, skipped, failed, unwritable, more: more || left.length > 0 };
}

/** Names a dead letter, as long as the answer has room. */
function name<T>(named: T[], one: T): void {
  if (named.length < MAX_NAMED) named.push(one);
}

/** Whether the dead letter itself, or the queue that it came from, is why it cannot be sent: others may go all the same. */
const isOfLetter = (error: Error) =>
  error instanceof PublishError && (isOfMessage(error) || error.code === 'UNROUTABLE');

/** What may be sent back, and what not. */
async function choose(filter: Omit<Filter, 'status'>, { maximum, force, remainingMs }: Wish) {
  const rules = { force, rememberedSinceMs: rememberedSinceMs(config(), systemClock.now()) };
  const chosen: DeadLetter[] = [];
  const skipped: Skipped[] = [];
  const unwritable: { id: string; why: string }[] = [];
  let after: string | undefined;
  do {
    const page = await listLetters({ ...filter, status: 'open' }, { limit: PAGE, after, oldestFirst: true });
    for (const deadLetter of page.deadLetters) {
      const why = obstacleTo(deadLetter, rules);
      if (!why) chosen.push(deadLetter);
      else if (why === 'unwritable') name(unwritable, { id: deadLetter.id, why: deadLetter.unwritable ?? '' });
      else name(skipped, { id: deadLetter.id, why });
      if (chosen.length > maximum) return { chosen: chosen.slice(0, maximum), skipped, unwritable, more: true };
    }
    after = page.after;
  } while (after !== undefined && remainingMs() > 2 * RESERVE_MS);
  return { chosen, skipped, unwritable, more: after !== undefined };
}

/** A list is as an index reads, a moment late at times: the record itself says whether it is open still. */
async function readIfOpen({ id }: DeadLetter) {
  try {
    const read = await readLetter(id);
    return read.deadLetter.status === 'open' ? read : undefined;
  } catch (error) {
    if (error instanceof Problem && error.problem === 'not-found') return undefined;
    throw error;
  }
}

/** How many of the first messages go together. */
function chunkLength(letters: readonly DeadLetter[]): number {
  let bytes = 0;
  const end = letters.slice(0, CHUNK).findIndex(({ bodyBytes }) => (bytes += bodyBytes) > CHUNK_BYTES);
  return end === -1 ? Math.min(letters.length, CHUNK) : Math.max(end, 1);
}
