import { randomUUID } from 'node:crypto';

import type { MessageId } from '../events/message-id.ts';
import type { OpenAttempts } from './attempt-log.ts';
import type { Batch } from '../consumer/batch.ts';
import { outOfTime } from '../consumer/decide.ts';
import { forgetOldest, type Memory } from '../consumer/memory.ts';
import { deadLetter, unfinishedAs, unfinished } from '../consumer/outcome.ts';
import { open, type ReadyWork, type Work } from '../consumer/work.ts';

/** Deliveries that left no trace of an outcome after which a message is suspected of taking the runtime down. */
const SUSPICIOUS_DELIVERIES = 3;

/** Runs alone that the runtime may fail to survive. */
const ISOLATED_RUNS = 3;

/** Clocks of two environments differ by less, in ms. */
const CLOCK_SKEW_MS = 1_000;

/** Those that came back so often, with no word of why, that they may be what takes the runtime down; and who must not overtake them. */
export function suspectsOf(works: readonly ReadyWork[], memory: Memory): readonly ReadyWork[] {
  const suspects = new Set(works.filter((work) => isSuspect(work, memory)));
  const keys = new Set([...suspects].flatMap(({ key }) => key ?? []));
  return works.filter((work) => suspects.has(work) || (work.key !== undefined && keys.has(work.key)));
}

/** What other environments returned is not known here: such a message is suspected wrongly, which costs a few requests. */
const isSuspect = ({ delivery: { id, deliveryCount } }: Work, { survived }: Memory): boolean =>
  deliveryCount - ((id && survived.get(id)) ?? 0) >= SUSPICIOUS_DELIVERIES;

/** Remembers that this process lived to return these messages: that is no suspicion. */
export function noteSurvival(works: readonly Work[], memory: Memory): void {
  const ids = works.flatMap(({ delivery: { id }, outcome }) => (id && outcome?.is === 'unfinished' ? [id] : []));
  memory.survived = new Map(ids.map((id) => [id, (memory.survived.get(id) ?? 0) + 1]));
}

/**
 * Finds out which suspects take the runtime down. Those without a note are run together, noted first: after an outage all of
 * a batch may be suspected, and hardly ever one of them rightly. Whoever was in a run that did not end is run alone, least
 * tried first: so the innocent complete at their first run alone, and a message with three runs that did not end becomes a
 * dead letter. A run counts only once its invocation is over by any clock, since another environment may have another copy.
 */
export async function runSuspects(
  suspects: readonly Work[],
  batch: Batch,
  run: (works: readonly Work[]) => Promise<void>,
): Promise<void> {
  const { queue, attemptLog, clock } = batch;
  const ready = open(suspects);
  const begin = (works: readonly ReadyWork[], kind: 'together' | 'alone') =>
    attemptLog.begin(queue.name, works.map(idOf), {
      kind,
      id: randomUUID(),
      endsByMs: clock.now() + batch.invocationLeftMs() + CLOCK_SKEW_MS,
    });
  let notes: Map<MessageId, OpenAttempts>;
  let fresh: readonly ReadyWork[] = [];
  try {
    await endAttempts([], batch);
    notes = await attemptLog.read(queue.name, ready.map(idOf));
    for (const id of batch.memory.unended) notes.delete(id);
    fresh = freshOf(ready, notes);
    if (fresh.length > 0) await begin(fresh, 'together');
  } catch (error) {
    for (const work of ready) work.outcome = unfinished(error);
    return;
  }
  if (fresh.length > 0) {
    await run(fresh);
    await endAttempts(fresh.map(idOf), batch);
  }
  const isFresh = new Set(fresh);
  const runsOf = (work: ReadyWork) => notes.get(idOf(work))?.aloneEndByMs ?? [];
  const stopped = new Set<string>();
  const rest = ready.filter((work) => !isFresh.has(work));
  for (const work of leastTriedFirst(rest, (one) => runsOf(one).length)) {
    const nowMs = clock.now();
    const runs = runsOf(work);
    try {
      if (stopped.has(lineOf(work)) || batch.timeLeftMs() <= 0) work.outcome = outOfTime();
      else if (runs.length < ISOLATED_RUNS) await begin([work], 'alone');
      else if (runs.filter((endsByMs) => endsByMs <= nowMs).length >= ISOLATED_RUNS)
        work.outcome = deadLetter('CRASH_LOOP');
      else work.outcome = unfinishedAs('LEASED');
    } catch (error) {
      work.outcome = unfinished(error);
    }
    const wasBegun = !work.outcome;
    await run([work]);
    if (isUnfinished(work)) stopped.add(lineOf(work));
    if (wasBegun || !isUnfinished(work)) await endAttempts([idOf(work)], batch);
  }
}

/** Notes that the runtime survived these; what the store cannot be told now, it is told with the next ones. */
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
    warn('survival not noted', error);
  }
}

/** Those without a note, if there are several; none of a line in which another has one, lest they overtake it. */
function freshOf(works: readonly ReadyWork[], notes: ReadonlyMap<MessageId, OpenAttempts>): readonly ReadyWork[] {
  const noted = new Set(works.filter((work) => notes.has(idOf(work))).map(lineOf));
  const fresh = works.filter((work) => !noted.has(lineOf(work)));
  return fresh.length > 1 ? fresh : [];
}

const idOf = ({ ready }: ReadyWork) => ready.id;

const lineOf = (work: ReadyWork) => work.key ?? idOf(work);

const isUnfinished = ({ outcome }: Work) => outcome?.is === 'unfinished';

/** By how often they, or those before them in their line, were tried alone. */
function leastTriedFirst(works: readonly ReadyWork[], runsOf: (work: ReadyWork) => number): ReadyWork[] {
  const most = new Map<string, number>();
  const ranked = works.map((work) => {
    const rank = Math.max(runsOf(work), most.get(lineOf(work)) ?? 0);
    most.set(lineOf(work), rank);
    return { work, rank };
  });
  return ranked.toSorted((one, other) => one.rank - other.rank).map(({ work }) => work);
}
