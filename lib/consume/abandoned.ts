import type { Batch } from './batch.ts';

/**
 * Turns the lines of a batch that was begun and never ended into holds: whatever its end was, and whether the event source
 * brings it back before or after what it had fetched meanwhile, nothing younger overtakes it. Each of the broker's queues has
 * one batch in flight.
 */
export async function holdAbandoned(shard: string, { queue, inbox, memory }: Batch): Promise<void> {
  const lines = [...memory.unrecorded, ...(await inbox.readInFlight(shard))];
  if (lines.length === 0) return;
  const holds = await inbox.readHolds(
    queue.name,
    lines.map(([key]) => key),
  );
  const markers = await inbox.find(
    queue.name,
    lines.flatMap(([, ids]) => ids),
  );
  for (const [key, ids] of new Map(lines)) {
    const before = holds.get(key);
    const held = new Set(before?.ids);
    const added = ids.filter((id) => !held.has(id) && !isOverIn(markers.get(id)?.state));
    if (added.length > 0) await inbox.writeHold(queue.name, key, [...held, ...added], before);
  }
  memory.unrecorded = [];
}

/** Whether a marker in this state says that its message keeps nobody waiting any more. */
export const isOverIn = (state: string | undefined): boolean =>
  state === 'completed' || state === 'rejected' || state === 'dead-lettered';
