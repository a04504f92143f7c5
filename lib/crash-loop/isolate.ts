import { randomUUID } from 'node:crypto';

import { type Batch, forgetOldest, type Memory } from '../consumer/batch.ts';
import { toResult, type Candidate, type Result } from '../consumer/message.ts';
import { deadLetter, outOfTime, unfinished, unfinishedAs, type Outcome } from '../consumer/outcome.ts';
import { settle } from '../consumer/settle.ts';
import type { MessageId } from '../events/message-id.ts';
import { keyOf } from '../ordering/sequences.ts';
import type { OpenAttempts } from './attempt-log.ts';

/** A message is suspected of crashing the process after this many deliveries that did not end with an outcome. */
const SUSPICIOUS_DELIVERIES = 3;

/**
 * How often a message may crash the process while it is the only message being processed. After that many crashes, the
 * message is dead-lettered.
 */
const MAX_ISOLATED_RUNS = 3;

/** The largest assumed difference between the clocks of two Lambda execution environments, in ms. */
const CLOCK_SKEW_MS = 1_000;

type Process = (candidates: readonly Candidate[]) => Promise<Result[]>;

/**
 * Returns the messages that are suspected of crashing the process, and all messages with the ordering key of a
 * suspected message, because no message may overtake a suspected message with the same ordering key.
 */
export function suspectsAmong(candidates: readonly Candidate[], memory: Memory): Candidate[] {
  const suspects = new Set(candidates.filter((candidate) => isSuspect(candidate, memory)));
  const keys = new Set([...suspects].flatMap((suspect) => keyOf(suspect) ?? []));
  return candidates.filter((candidate) => suspects.has(candidate) || isIn(keys, keyOf(candidate)));
}

const isIn = (keys: ReadonlySet<string>, key: string | undefined) => key !== undefined && keys.has(key);

/**
 * Whether a message is suspected of crashing the process. This process knows how often it returned a message to the
 * queue itself, but not how often other Lambda execution environments did, and may therefore suspect a harmless
 * message. Suspecting a harmless message costs a few extra requests.
 */
const isSuspect = ({ id, delivery: { deliveryCount } }: Candidate, { survived }: Memory): boolean =>
  deliveryCount - (survived.get(id) ?? 0) >= SUSPICIOUS_DELIVERIES;

/**
 * Counts how often this process has returned each message to the queue. A message that was returned to the queue did
 * not crash the process.
 */
export function noteSurvival(results: readonly Result[], memory: Memory): void {
  const ids = results.flatMap(({ delivery: { id }, outcome }) => (id && outcome.is === 'unfinished' ? [id] : []));
  memory.survived = new Map(ids.map((id) => [id, (memory.survived.get(id) ?? 0) + 1]));
}

/**
 * Finds out which of the suspected messages crash the process. Suspected messages without an entry in the attempt log
 * are processed together first, because most suspected messages are harmless after an outage. Then every other
 * suspected message is processed alone, starting with the messages that crashed the process the least often. A message
 * that crashes the process three times while it is processed alone is dead-lettered. A crash counts only when the
 * Lambda invocation of the attempt must have ended, because until then the invocation may still be processing the
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

/**
 * Stores in the attempt log that a suspected message is about to be processed alone. If the message must not be
 * processed now, returns the outcome of the message instead.
 */
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
 * Deletes the attempt-log entries of messages that did not crash the process. If DynamoDB is unavailable, the deletion
 * is tried again during the next batch.
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
 * Returns the suspected messages that are processed together because they have no entry in the attempt log. Leaves out
 * a message if another message with the same ordering key has an entry, because the other message must not be
 * overtaken. Returns an empty list if only one message is left, because a single message is processed alone.
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
 * Sorts the messages by how often they were processed alone, fewest first. Messages with the same ordering key keep
 * their order.
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
