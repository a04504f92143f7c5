import pMap from 'p-map';

import { describeError, isOfMessage, PublishError } from '../runtime/errors.ts';
import type { DeadLetter } from '../archive/dead-letter.ts';
import { listDeadLetters, type Filter } from './list.ts';
import {
  CHUNK,
  CHUNK_BYTES,
  isOfDeadLetter,
  publishRedriven,
  readIfUnchanged,
  redriveRules,
  type Operator,
  type Redriving,
} from './redrive.ts';
import { isOvertaken, redriveRefusal, type RedriveRefusal } from './redrive-refusal.ts';
import { chunkLength } from './select-dead-letters.ts';

export interface RedriveReport {
  readonly redriven: number;
  /** The number of dead letters that were selected for the redrive, at most `maximum`. */
  readonly selected: number;
  readonly skipped: readonly Skipped[];
  readonly failed: readonly { readonly id: string; readonly code: string }[];
  /**
   * The dead letters whose messages AMQP cannot encode completely. With the option `force`, they are redriven without
   * the headers and properties that AMQP cannot encode.
   */
  readonly unwritable: readonly { readonly id: string; readonly reason: string }[];
  /** Whether the archive may have more open dead letters that match the filter. */
  readonly more: boolean;
}

interface Skipped {
  readonly id: string;
  readonly reason: Exclude<RedriveRefusal, 'unwritable'>;
}

interface RedriveOptions extends Operator {
  readonly maximum: number;
  readonly force: boolean;
  /** Returns the number of milliseconds until the HTTP response is due. */
  readonly remainingMs: () => number;
}

/** The number of dead letters that a redrive reads from the archive at a time. */
const PAGE = 250;

const MAX_NAMED = 1_000;

const CONCURRENCY = 16;

const RESERVE_MS = 10_000;

/** Redrives up to `maximum` open dead letters that match the filter, oldest first. Stops early when time runs out. */
export async function redriveMany(
  redriving: Redriving,
  filter: Omit<Filter, 'status'>,
  options: RedriveOptions,
): Promise<RedriveReport> {
  const { selected, skipped, unwritable, more } = await select(redriving, filter, options);
  const failed: { id: string; code: string }[] = [];
  let redriven = 0;
  let firstError: Error | undefined;
  let left = selected;
  while (left.length > 0 && options.remainingMs() > RESERVE_MS) {
    const chunk = left.slice(0, chunkLength(left, { count: CHUNK, bytes: CHUNK_BYTES }));
    left = left.slice(chunk.length);
    const items = (await pMap(chunk, (one) => readIfUnchanged(redriving, one), { concurrency: CONCURRENCY })).filter(
      (item) => item !== undefined,
    );
    const errors = await publishRedriven(redriving, items, options);
    items.forEach(({ deadLetter: { id } }, index) => {
      const error = errors[index];
      if (!error) redriven += 1;
      else if (isOvertaken(error)) addName(skipped, { id, reason: error.problem });
      else if (error instanceof PublishError && isOfMessage(error)) addName(unwritable, { id, reason: error.message });
      else {
        failed.push({ id, code: describeError(error).code });
        firstError ??= error;
      }
    });
    // If the broker accepts nothing at all, the remaining chunks would fail too.
    if (redriven === 0 && firstError && !errors.some((error) => error && isOfDeadLetter(error))) throw firstError;
  }
  if (redriven === 0 && firstError) throw firstError;
  return { redriven, selected: selected.length, skipped, failed, unwritable, more: more || left.length > 0 };
}

function addName<T>(named: T[], one: T): void {
  if (named.length < MAX_NAMED) named.push(one);
}

async function select(
  redriving: Redriving,
  filter: Omit<Filter, 'status'>,
  { maximum, force, remainingMs }: RedriveOptions,
) {
  const rules = redriveRules(redriving, force);
  const selected: DeadLetter[] = [];
  const skipped: Skipped[] = [];
  const unwritable: { id: string; reason: string }[] = [];
  let after: string | undefined;
  do {
    const open: Filter = { ...filter, status: 'open' };
    const page = await listDeadLetters(redriving.table, open, { limit: PAGE, after, oldestFirst: true });
    for (const deadLetter of page.deadLetters) {
      const reason = redriveRefusal(deadLetter, rules);
      if (!reason) selected.push(deadLetter);
      else if (reason === 'unwritable') addName(unwritable, { id: deadLetter.id, reason: deadLetter.unwritable ?? '' });
      else addName(skipped, { id: deadLetter.id, reason });
      if (selected.length > maximum) return { selected: selected.slice(0, maximum), skipped, unwritable, more: true };
    }
    after = page.after;
  } while (after !== undefined && remainingMs() > 2 * RESERVE_MS);
  return { selected, skipped, unwritable, more: after !== undefined };
}
