import type { Batch } from './batch.ts';
import type { Work } from './work.ts';

/** A foreign publisher may write any text. */
const isIsoTime = (text: string) => /^\d{4}-\d\d-\d\dT[\d:.]{8,12}Z$/.test(text);

/** Between two notes of one shard, in ms: this is to be known within seconds, not to cost a request a batch. */
const NOTED_EVERY_MS = 5_000;

/**
 * Notes when the oldest message of the batch was published, by shard. No broker tells that of a quorum queue; since it hands
 * them out in order, what still waits was not published before it, but for retries.
 */
export async function noteProgress(
  works: readonly Work[],
  { inbox, clock, warn, memory: { progressNotedAtMs } }: Batch,
): Promise<void> {
  const nowMs = clock.now();
  const oldest = new Map<string, string>();
  for (const { delivery } of works) {
    const { publishedAt } = delivery.envelope;
    if (publishedAt && isIsoTime(publishedAt) && !(publishedAt >= (oldest.get(delivery.queue) ?? '~')))
      oldest.set(delivery.queue, publishedAt);
  }
  for (const [shard, oldestPublishedAt] of oldest) {
    if (nowMs - (progressNotedAtMs.get(shard) ?? -Infinity) < NOTED_EVERY_MS) continue;
    progressNotedAtMs.set(shard, nowMs);
    await inbox
      .noteProgress(shard, { oldestPublishedAt, at: new Date(nowMs).toISOString() })
      .catch((error: unknown) => warn('progress not noted', error));
  }
}
