import { randomUUID } from 'node:crypto';

import { type Batch, forgetOldest, type Memory } from '../consumer/batch.ts';
import { toResult, type Candidate, type Result } from '../consumer/message.ts';
import { deadLetter, outOfTime, unfinished, unfinishedAs, type Outcome } from '../consumer/outcome.ts';
import { settle } from '../consumer/settle.ts';
import type { MessageId } from '../events/message-id.ts';
import { keyOf } from '../ordering/sequences.ts';
import type { OpenAttempts } from './attempt-log.ts';

/** After how many deliveries without an outcome a message is suspected of crashing the process. */
const SUSPICIOUS_DELIVERIES = 3;

/** How often a message may crash the process while it is processed alone, before it is dead-lettered. */
const MAX_ISOLATED_RUNS = 3;

/** The largest difference between the clocks of two environments, in ms. */
const CLOCK_SKEW_MS = 1_000;

type Process = (candidates: readonly Candidate[]) => Promise<Result[]>;

/**
 * Returns the messages that may have crashed the process. Also returns the messages with the same ordering keys, because
 * they must not overtake the suspected messages.
 */
export function suspectsAmong(candidates: readonly Candidate[], memory: Memory): Candidate[] {
  const suspects = new Set(candidates.filter((candidate) => isSuspect(candidate, memory)));
  const keys = new Set([...suspects].flatMap((suspect) => keyOf(suspect) ?? []));
  return candidates.filter((candidate) => suspects.has(candidate) || isIn(keys, keyOf(candidate)));
}

const isIn = (keys: ReadonlySet<string>, key: string | undefined) => key !== undefined && keys.has(key);

/**
 * Whether a message is suspected of crashing the process. Batches that another Lambda environment returned to the queue are
 * not known here, so a harmless message may be suspected, which costs a few extra requests.
 */
const isSuspect = ({ id, delivery: { deliveryCount } }: Candidate, { survived }: Memory): boolean =>
  deliveryCount - (survived.get(id) ?? 0) >= SUSPICIOUS_DELIVERIES;

/**
 * Remembers the messages that this process returned to the queue. These messages did not crash the process, because it was
 * still running when it returned them.
 */
export function noteSurvival(results: readonly Result[], memory: Memory): void {
  const ids = results.flatMap(({ delivery: { id }, outcome }) => (id && outcome.is === 'unfinished' ? [id] : []));
  memory.survived = new Map(ids.map((id) => [id, (memory.survived.get(id) ?? 0) + 1]));
}

/**
 * Finds out which of the suspected messages crash the process. Suspected messages without a recorded run are first
 * processed together, because after an outage a whole batch may be suspected and most of its messages are harmless. A
 * message with a recorded run that did not end is processed alone. Messages with the fewest such runs come first, so that
 * harmless messages are completed early. A message is dead-lettered after three runs alone that did not end. A run counts
 * only after its Lambda invocation must have ended, because another environment may still be processing a copy of the
 * message.
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

/** Records that a message is about to be processed alone. If it must not be processed now, returns its outcome instead. */
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

/**
 * Deletes the records of runs that did not crash the process. If DynamoDB is unavailable, the next batch deletes the
 * records.
 */
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

/**
 * Returns the suspected messages that have no recorded run and whose ordering key has no message with a recorded run, since
 * that message must not be overtaken. Returns none if there is only one such message.
 */
function untriedAmong(suspects: readonly Candidate[], open: ReadonlyMap<MessageId, OpenAttempts>): Candidate[] {
  const tried = new Set(suspects.filter(({ id }) => open.has(id)).map(sequenceOf));
  const untried = suspects.filter((suspect) => !tried.has(sequenceOf(suspect)));
  return untried.length > 1 ? untried : [];
}

const idOf = ({ id }: Candidate) => id;

/** Returns the ordering key of a message, or the id of a message that has no key. */
const sequenceOf = (suspect: Candidate) => keyOf(suspect) ?? suspect.id;

/**
 * Sorts the messages by how often they were processed alone, fewest first. A message counts at least as many runs as the
 * messages before it with the same key, so that their order does not change.
 */
function leastTriedFirst(suspects: readonly Candidate[], runsOf: (suspect: Candidate) => number): Candidate[] {
  const most = new Map<string, number>();
  const ranked = suspects.map((suspect) => {
    const rank = Math.max(runsOf(suspect), most.get(sequenceOf(suspect)) ?? 0);
    most.set(sequenceOf(suspect), rank);
    return { suspect, rank };
  });
  return ranked.toSorted((one, other) => one.rank - other.rank).map(({ suspect }) => suspect);
}
