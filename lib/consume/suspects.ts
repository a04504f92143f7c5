import type { Batch } from './batch.ts';
import { outOfTime } from './decide.ts';
import type { KeyOf } from './lines.ts';
import type { Memory } from './memory.ts';
import { deadLetter, unfinished } from './outcome.ts';
import { open, type ReadyWork, type Work } from './work.ts';

/** Deliveries that left no trace of an outcome after which a message is suspected of taking the runtime down. */
const SUSPICIOUS_DELIVERIES = 3;

/** Runs alone that the runtime may fail to survive. */
const ISOLATED_RUNS = 3;

/** Those that came back so often, with no word of why, that they may be what takes the runtime down; and who must not overtake them. */
export function suspectsOf(
  works: readonly ReadyWork[],
  keyOf: KeyOf | undefined,
  memory: Memory,
): readonly ReadyWork[] {
  const suspects = works.filter((work) => isSuspect(work, memory));
  if (!keyOf || suspects.length === 0) return suspects;
  const keys = new Set(suspects.map(({ ready }) => keyOf(ready.event)));
  return works.filter(({ ready }) => keys.has(keyOf(ready.event)));
}

const isSuspect = ({ delivery: { id, deliveryCount } }: Work, { survived }: Memory): boolean =>
  deliveryCount - ((id && survived.get(id)) ?? 0) >= SUSPICIOUS_DELIVERIES;

/** Remembers that this process lived to return these messages: that is no suspicion. */
export function noteSurvival(works: readonly Work[], memory: Memory): void {
  const ids = works.flatMap(({ delivery: { id }, outcome }) => (id && outcome?.is === 'unfinished' ? [id] : []));
  memory.survived = new Map(ids.map((id) => [id, (memory.survived.get(id) ?? 0) + 1]));
}

/**
 * Runs each suspect alone, its attempt noted first, those never tried alone before the others: so the innocent complete at
 * their first run, and the one that takes the runtime down is known by its notes and becomes a dead letter. Where there is
 * an order to keep, no message overtakes one of its own key.
 */
export async function runAlone(
  suspects: readonly Work[],
  keyOf: KeyOf | undefined,
  { queue, inbox, timeLeftMs, warn }: Batch,
  run: (works: readonly Work[]) => Promise<void>,
): Promise<void> {
  const ready = open(suspects);
  const notes = await inbox.isolatedRuns(queue.name, ready.map(idOf)).catch((error: unknown) => unfinished(error));
  if (!(notes instanceof Map)) return ready.forEach((work) => (work.outcome = notes));
  const runsOf = (work: ReadyWork) => notes.get(idOf(work)) ?? 0;
  const lineOf = (work: ReadyWork) => (keyOf ? keyOf(work.ready.event) : idOf(work));
  const stopped = new Set<string>();
  for (const work of leastTriedFirst(ready, runsOf, lineOf)) {
    const id = idOf(work);
    try {
      if (stopped.has(lineOf(work)) || timeLeftMs() <= 0) work.outcome = outOfTime();
      else if (runsOf(work) >= ISOLATED_RUNS) work.outcome = deadLetter('CRASH_LOOP');
      else await inbox.beginIsolated(queue.name, id);
    } catch (error) {
      work.outcome = unfinished(error);
    }
    const wasBegun = !work.outcome;
    await run([work]);
    if (isUnfinished(work)) stopped.add(lineOf(work));
    if (wasBegun || !isUnfinished(work))
      await inbox.endIsolated(queue.name, id).catch((error: unknown) => warn('survival not noted', error));
  }
}

const idOf = ({ ready }: ReadyWork) => ready.id;

const isUnfinished = ({ outcome }: Work) => outcome?.is === 'unfinished';

/** By how often they, or those before them in their line, were tried alone. */
function leastTriedFirst(
  works: readonly ReadyWork[],
  runsOf: (work: ReadyWork) => number,
  lineOf: (work: ReadyWork) => string,
): ReadyWork[] {
  const most = new Map<string, number>();
  const ranked = works.map((work) => {
    const rank = Math.max(runsOf(work), most.get(lineOf(work)) ?? 0);
    most.set(lineOf(work), rank);
    return { work, rank };
  });
  return ranked.toSorted((one, other) => one.rank - other.rank).map(({ work }) => work);
}
