import { randomUUID } from 'node:crypto';

import { type Batch, forgetOldest, type Memory } from '../consumer/batch.ts';
import { toResult, type Candidate, type Result } from '../consumer/message.ts';
import { deadLetter, outOfTime, unfinished, unfinishedAs, type Outcome } from '../consumer/outcome.ts';
import { settle } from '../consumer/settle.ts';
import type { MessageId } from '../events/message-id.ts';
import { keyOf } from '../ordering/sequences.ts';
import type { OpenAttempts } from './attempt-log.ts';

/** How many deliveries without any outcome make a message a crash suspect. */
const SUSPICIOUS_DELIVERIES = 3;

/** How many isolated runs may crash the process before the message is dead-lettered. */
const MAX_ISOLATED_RUNS = 3;

/** The largest difference between the clocks of two environments, in ms. */
const CLOCK_SKEW_MS = 1_000;

type Process = (candidates: readonly Candidate[]) => Promise<Result[]>;

/** Returns the messages that may have crashed the process, and the messages of the same keys, which must not overtake them. */
export function suspectsAmong(candidates: readonly Candidate[], memory: Memory): Candidate[] {
  const suspects = new Set(candidates.filter((candidate) => isSuspect(candidate, memory)));
  const keys = new Set([...suspects].flatMap((suspect) => keyOf(suspect) ?? []));
  return candidates.filter((candidate) => suspects.has(candidate) || isIn(keys, keyOf(candidate)));
}

const isIn = (keys: ReadonlySet<string>, key: string | undefined) => key !== undefined && keys.has(key);

/** Batches that another environment returned are unknown here; such a message is suspected wrongly, which costs a few requests. */
const isSuspect = ({ id, delivery: { deliveryCount } }: Candidate, { survived }: Memory): boolean =>
  deliveryCount - (survived.get(id) ?? 0) >= SUSPICIOUS_DELIVERIES;

/** Remembers the messages that this process returned to the queue, because returning a message proves that it did not crash the process. */
export function noteSurvival(results: readonly Result[], memory: Memory): void {
  const ids = results.flatMap(({ delivery: { id }, outcome }) => (id && outcome.is === 'unfinished' ? [id] : []));
  memory.survived = new Map(ids.map((id) => [id, (memory.survived.get(id) ?? 0) + 1]));
}

/**
 * Finds out which suspects crash the process. Suspects without a record in the attempt log run together first: after an outage
 * a whole batch may be suspected, although hardly any message is at fault. A message whose run did not end runs isolated, the
 * least tried first, so that harmless messages complete at their first isolated run; a message with three isolated runs that
 * did not end is dead-lettered. A run counts only after its invocation must have ended, since another environment may be
 * processing another copy.
 */
export async function isolate(suspects: readonly Candidate[], batch: Batch, process: Process): Promise<Result[]> {
  let open: Map<MessageId, OpenAttempts>;
  let untried: readonly Candidate[];
  try {
    await endAttempts([], batch);
    open = await batch.attemptLog.read(batch.queue.name, suspects.map(idOf));
    for (const id of batch.memory.unended) open.delete(id);
    untried = untriedAmong(suspects, open);
    if (untried.length > 0) await beginAttempts(untried, 'together', batch);
  } catch (error) {
    return suspects.map((suspect) => toResult(suspect, unfinished(error)));
  }
  const results = untried.length > 0 ? await process(untried) : [];
  if (untried.length > 0) await endAttempts(untried.map(idOf), batch);
  const rest = suspects.filter((suspect) => !untried.includes(suspect));
  return [...results, ...(await isolateEach(rest, open, batch, process))];
}

async function isolateEach(
  suspects: readonly Candidate[],
  open: ReadonlyMap<MessageId, OpenAttempts>,
  batch: Batch,
  process: Process,
): Promise<Result[]> {
  const results: Result[] = [];
  const stopped = new Set<string>();
  const runsOf = (suspect: Candidate) => open.get(suspect.id)?.isolatedEndByMs ?? [];
  for (const suspect of leastTriedFirst(suspects, (one) => runsOf(one).length)) {
    const refusal = stopped.has(sequenceOf(suspect)) ? outOfTime() : await tryToBegin(suspect, runsOf(suspect), batch);
    const [result] = refusal ? await settle([toResult(suspect, refusal)], batch) : await process([suspect]);
    const isUnfinished = result!.outcome.is === 'unfinished';
    if (isUnfinished) stopped.add(sequenceOf(suspect));
    if (!refusal || !isUnfinished) await endAttempts([suspect.id], batch);
    results.push(result!);
  }
  return results;
}

/** Records an isolated run; returns the message's outcome instead if the message must not run now. */
async function tryToBegin(suspect: Candidate, runs: readonly number[], batch: Batch): Promise<Outcome | undefined> {
  if (batch.timeLeftMs() <= 0) return outOfTime();
  if (runs.length >= MAX_ISOLATED_RUNS) {
    const nowMs = batch.clock.now();
    const ended = runs.filter((endsByMs) => endsByMs <= nowMs);
    return ended.length >= MAX_ISOLATED_RUNS ? deadLetter('CRASH_LOOP') : unfinishedAs('LEASED');
  }
  try {
    await beginAttempts([suspect], 'isolated', batch);
    return undefined;
  } catch (error) {
    return unfinished(error);
  }
}

const beginAttempts = (
  suspects: readonly Candidate[],
  kind: 'together' | 'isolated',
  { queue, attemptLog, clock, invocationLeftMs }: Batch,
): Promise<void> =>
  attemptLog.begin(queue.name, suspects.map(idOf), {
    kind,
    id: randomUUID(),
    endsByMs: clock.now() + invocationLeftMs() + CLOCK_SKEW_MS,
  });

/** Deletes the records of runs that the process survived; if the store is unavailable, the next batch deletes them. */
export async function endAttempts(
  ids: readonly MessageId[],
  { queue, attemptLog, memory, warn }: Batch,
): Promise<void> {
  for (const id of ids) memory.unended.add(id);
  if (memory.unended.size === 0) return;
  try {
    await attemptLog.end(queue.name, [...memory.unended]);
    memory.unended.clear();
  } catch (error) {
    forgetOldest(memory.unended);
    warn('deleting records of the attempt log failed', error);
  }
}

/** The suspects without open runs, unless a message of the same key has one: nothing may overtake that message. Empty for a single suspect. */
function untriedAmong(suspects: readonly Candidate[], open: ReadonlyMap<MessageId, OpenAttempts>): Candidate[] {
  const tried = new Set(suspects.filter(({ id }) => open.has(id)).map(sequenceOf));
  const untried = suspects.filter((suspect) => !tried.has(sequenceOf(suspect)));
  return untried.length > 1 ? untried : [];
}

const idOf = ({ id }: Candidate) => id;

/** Messages of one key belong together; a message without a key stands alone. */
const sequenceOf = (suspect: Candidate) => keyOf(suspect) ?? suspect.id;

/** Sorts by the number of isolated runs, where a message counts at least as many as the messages before it in its sequence. */
function leastTriedFirst(suspects: readonly Candidate[], runsOf: (suspect: Candidate) => number): Candidate[] {
  const most = new Map<string, number>();
  const ranked = suspects.map((suspect) => {
    const rank = Math.max(runsOf(suspect), most.get(sequenceOf(suspect)) ?? 0);
    most.set(sequenceOf(suspect), rank);
    return { suspect, rank };
  });
  return ranked.toSorted((one, other) => one.rank - other.rank).map(({ suspect }) => suspect);
}
