import { concurrently } from '../runtime/concurrently.ts';
import { errorCodes } from '../runtime/errors.ts';
import type { BlockedKey } from './blocked-keys.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Batch } from '../consumer/batch.ts';
import type { Delivery } from '../consumer/delivery.ts';
import { byKey, keyed } from './sequences.ts';
import { isOverIn, keyTaken, MAX_LINE } from './open-batch.ts';
import { postponed, unfinished, type Outcome } from '../consumer/outcome.ts';
import type { KeyedWork, ReadyWork, Work } from '../consumer/work.ts';

/** Messages of one key that may wait in the retry tiers at most; past it they come back with their batch until there is room. */
const MAX_WAITING = 5_000;

/** Keys whose holds are written at once. */
const CONCURRENT_WRITES = 16;

/** A message that others wait for and that has not come again for so long is not waited for any more, in ms. */
const PATIENCE_MS = 3_600_000;
/** Whoever stood behind it has this much time to come again. */
const NEXT_PATIENCE_MS = PATIENCE_MS / 6;
/** That it came again is noted so often, in ms, where nothing else changes. */
const REFRESH_MS = PATIENCE_MS / 10;

/** The messages of one key: in the order in which they must be done, as far as they are here. */
interface Line {
  readonly key: string;
  readonly before: BlockedKey | undefined;
  /** Who still has to be done, first things first. */
  waiting: MessageId[];
  readonly here: Map<MessageId, ReadyWork>;
  /** The first of those that waited is not waited for any more. */
  readonly isForgotten: boolean | undefined;
}

/**
 * Runs the messages of one key one after another, and keys side by side. A failed message holds back its own key only:
 * what comes after it waits in a retry tier, no attempt spent, and the store remembers the order. `run` must leave each
 * of its works with an outcome.
 */
export async function inOrder(
  works: readonly Work[],
  batch: Batch,
  run: (works: readonly Work[]) => Promise<void>,
): Promise<void> {
  const candidates = keyed(works);
  if (candidates.length === 0) return;
  try {
    const lines = await lineUp(candidates, batch);
    for (let wave = nextOf(lines); wave.length > 0; wave = nextOf(lines)) {
      await run(wave.map(({ work }) => work));
      for (const { line, work } of wave)
        if (isOver(work.outcome)) line.waiting.shift();
        else hold(line, work, batch);
    }
    for (const line of lines) hold(line, undefined, batch);
    await rememberAll(lines, batch);
  } catch (error) {
    for (const work of candidates) if (!work.outcome || work.outcome.is === 'retry') work.outcome = unfinished(error);
  }
}

/**
 * In the order of their arrival at the broker, also where the event source had fetched younger messages before a failed batch
 * came back: of two messages of one queue the older was handed out at least as often.
 */
export const oldestFirst = (deliveries: readonly Delivery[]): Delivery[] =>
  deliveries.toSorted((one, other) => other.deliveryCount - one.deliveryCount);

async function lineUp(works: readonly KeyedWork[], { inbox, blockedKeys, queue, clock }: Batch): Promise<Line[]> {
  const lines = byKey(works);
  const holds = await blockedKeys.read(queue.name, [...lines.keys()]);
  const held = [...holds.values()].flatMap(({ ids }) => ids);
  // A process may be gone between finishing a message and striking it off: its marker tells.
  const markers = held.length > 0 ? await inbox.find(queue.name, held) : new Map();
  return [...lines].map(([key, mine]) => {
    const before = holds.get(key);
    const here = new Map(mine.map((work) => [work.ready.id, work]));
    const isDone = (id: MessageId) => !here.has(id) && isOverIn(markers.get(id)?.state);
    const waiting = (before?.ids ?? []).filter((id) => !isDone(id));
    // The first alone: those behind it may come again any second.
    const isForgotten = before && !here.has(waiting[0]!) && clock.now() - before.firstSeenAtMs > PATIENCE_MS;
    if (isForgotten) waiting.shift();
    const known = new Set(waiting);
    for (const id of here.keys()) if (!known.has(id)) waiting.push(id);
    return { key, before, waiting, here, isForgotten };
  });
}

/** The first of each line, where it is here and has no outcome yet. */
const nextOf = (lines: readonly Line[]) =>
  lines.flatMap((line) => {
    const work = line.waiting[0] && line.here.get(line.waiting[0]);
    return work && !work.outcome ? [{ line, work }] : [];
  });

const isOver = (outcome: Outcome | undefined) =>
  outcome !== undefined && outcome.is !== 'retry' && outcome.is !== 'unfinished';

/** Gives all that are here and still wait the outcome that the one before them leaves them. */
function hold({ waiting, here }: Line, failed: ReadyWork | undefined, { queue }: Batch): void {
  for (const [place, id] of waiting.entries()) {
    const work = here.get(id);
    if (!work || work.outcome) continue;
    const { outcome } = failed ?? {};
    if (outcome?.is === 'unfinished' || place >= MAX_WAITING) work.outcome = { is: 'unfinished', ...HELD };
    else {
      const delayMs = outcome?.is === 'retry' ? outcome.tier.delayMs : 0;
      work.outcome = postponed('HELD', work.delivery.envelope.attempt, queue, delayMs);
    }
  }
}

const HELD = { code: 'HELD', message: errorCodes.HELD } as const;

/** Written before any copy is placed: who comes back finds the order that it left. */
async function rememberAll(lines: readonly Line[], { blockedKeys, queue, clock }: Batch): Promise<void> {
  const failures: unknown[] = [];
  await concurrently(lines, CONCURRENT_WRITES, async ({ key, waiting, before, here, isForgotten }) => {
    const isKnown = waiting.length === (before?.ids.length ?? 0) && waiting.every((id, n) => id === before?.ids[n]);
    const isHere = here.has(waiting[0]!);
    const nextSeenAtMs = clock.now() - (isForgotten && !isHere ? PATIENCE_MS - NEXT_PATIENCE_MS : 0);
    const firstSeenAtMs = before && before.ids[0] === waiting[0] && !isHere ? before.firstSeenAtMs : nextSeenAtMs;
    const isFresh = !before || firstSeenAtMs - before.firstSeenAtMs <= REFRESH_MS;
    if ((isKnown && isFresh) || failures.length > 0) return;
    const ids = waiting.slice(0, MAX_LINE);
    const isWritten = await blockedKeys
      .write(queue.name, key, { ids, firstSeenAtMs }, before)
      .catch((error) => failures.push(error));
    if (isWritten === false) failures.push(keyTaken(key));
  });
  if (failures.length > 0) throw failures[0];
}
