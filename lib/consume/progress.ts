import type { Batch } from './batch.ts';
import type { Work } from './work.ts';

/** Between two notes of one queue, in ms: this is to be known within seconds, not to cost a request a batch. */
const NOTED_EVERY_MS = 5_000;

const notedAtMs = new Map<string, number>();

/**
 * Notes when the oldest message of the batch was published. No broker tells that of a quorum queue; since it hands them out
 * in order, what still waits was not published before it, but for retries.
 */
export async function noteProgress(works: readonly Work[], { queue, inbox, clock, warn }: Batch): Promise<void> {
  const nowMs = clock.now();
  if (nowMs - (notedAtMs.get(queue.name) ?? -Infinity) < NOTED_EVERY_MS) return;
  const times = works.flatMap(({ delivery: { envelope } }) => envelope.publishedAt ?? []);
  if (times.length === 0) return;
  notedAtMs.set(queue.name, nowMs);
  const oldestPublishedAt = times.reduce((oldest, time) => (time < oldest ? time : oldest));
  const at = new Date(nowMs).toISOString();
  await inbox
    .noteProgress(queue.name, { oldestPublishedAt, at })
    .catch((error: unknown) => warn('progress not noted', error));
}
