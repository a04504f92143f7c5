import type { Lines } from '../inbox/inbox.ts';
import type { MessageId } from '../message-id.ts';
import type { Batch } from './batch.ts';
import { linesOf, type KeyOf } from './lines.ts';
import { unfinished } from './outcome.ts';
import { open, type Work } from './work.ts';

/**
 * Notes the order of the batch before anything else is asked of the store: whatever its end will be, and whether the event
 * source brings it back before or after what it had fetched meanwhile, nothing younger overtakes it. `false`, and the batch
 * unfinished, where the store could not be told.
 */
export async function noteBegin(works: readonly Work[], keyOf: KeyOf, batch: Batch): Promise<boolean> {
  const { inbox, memory } = batch;
  const shard = works[0]?.delivery.queue;
  if (shard === undefined) return false;
  const ready = open(works);
  const lines = linesOf(ready, keyOf);
  try {
    // Also where none of these has a place in any line: what an earlier batch left must not be struck with this one.
    await holdAbandoned(shard, batch);
    await inbox.noteInFlight(shard, lines);
    return true;
  } catch (error) {
    memory.unrecorded = [...memory.unrecorded, ...lines];
    for (const work of ready) work.outcome = unfinished(error);
    return false;
  }
}

/** Strikes the note of a batch of which nothing comes back. A note that stays costs the next batch a look at its markers. */
export async function noteEnd(works: readonly Work[], { inbox, warn }: Batch): Promise<void> {
  const shard = works[0]?.delivery.queue;
  if (shard === undefined || works.some(({ outcome }) => outcome?.is === 'unfinished')) return;
  await inbox.noteInFlight(shard, []).catch((error: unknown) => warn('the end of the batch not noted', error));
}

/** Turns the lines of batches that were begun and never ended into holds. Each of the broker's queues has one batch in flight. */
async function holdAbandoned(shard: string, { queue, inbox, memory }: Batch): Promise<void> {
  const lines = merged([...(await inbox.readInFlight(shard)), ...memory.unrecorded]);
  if (lines.size > 0) {
    const holds = await inbox.readHolds(queue.name, [...lines.keys()]);
    const markers = await inbox.find(queue.name, [...lines.values()].flat());
    for (const [key, ids] of lines) {
      const before = holds.get(key);
      const held = new Set(before?.ids);
      const added = ids.filter((id) => !held.has(id) && !isOverIn(markers.get(id)?.state));
      if (added.length > 0) await inbox.writeHold(queue.name, key, [...held, ...added], before);
    }
  }
  memory.unrecorded = [];
}

/** One line per key; the earlier batch's messages come first. */
function merged(lines: Lines): Map<string, MessageId[]> {
  const merged = new Map<string, MessageId[]>();
  for (const [key, ids] of lines) merged.set(key, [...new Set([...(merged.get(key) ?? []), ...ids])]);
  return merged;
}

/** Whether a marker in this state says that its message keeps nobody waiting any more. */
export const isOverIn = (state: string | undefined): boolean =>
  state === 'completed' || state === 'rejected' || state === 'dead-lettered';
