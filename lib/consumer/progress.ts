import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';

import { withRetries } from '../dynamodb/retry-policy.ts';
import type { InboxTable } from '../inbox/table.ts';
import type { Batch } from './batch.ts';
import type { Delivery } from './delivery.ts';

/** The time of the latest batch of a consumer, and the publish time of the oldest message in that batch (ISO 8601). */
export interface Progress {
  /** When the oldest message of the latest batch was published. */
  readonly oldestPublishedAt: string;
  /** When the consumer processed the latest batch. */
  readonly at: string;
}

/**
 * Stores in DynamoDB how far each shard of a queue has been read. Every method throws `StoreUnavailableError` if
 * DynamoDB does not answer.
 */
export interface QueueProgress {
  record(shard: string, progress: Progress): Promise<void>;
  read(shard: string): Promise<Progress | undefined>;
}

const keyOf = (shard: string) => ({ pk: { S: `!progress#${shard}` } });

export const createQueueProgress = ({ client, retryPolicy, name }: InboxTable): QueueProgress => ({
  async record(shard, { oldestPublishedAt, at }) {
    const item = { ...keyOf(shard), oldestPublishedAt: { S: oldestPublishedAt }, at: { S: at } };
    await withRetries(() => client.send(new PutItemCommand({ TableName: name, Item: item })), retryPolicy);
  },
  async read(shard) {
    const command = new GetItemCommand({ TableName: name, Key: keyOf(shard) });
    const { Item: item } = await withRetries(() => client.send(command), retryPolicy);
    return item && { oldestPublishedAt: item['oldestPublishedAt']?.S ?? '', at: item['at']?.S ?? '' };
  },
});

const isIsoTime = (text: string) => /^\d{4}-\d\d-\d\dT[\d:.]{8,12}Z$/.test(text);

/** The shortest time between two writes of a shard's progress, in ms. */
const RECORDED_EVERY_MS = 5_000;

/**
 * Stores when the oldest message of each shard in the batch was published, because RabbitMQ does not report the age of
 * messages in a quorum queue.
 */
export async function recordProgress(
  deliveries: readonly Delivery[],
  { progress, clock, warn, memory: { progressRecordedAtMs } }: Batch,
): Promise<void> {
  const nowMs = clock.now();
  const oldest = new Map<string, string>();
  for (const { queue, envelope } of deliveries) {
    const { publishedAt } = envelope;
    if (publishedAt && isIsoTime(publishedAt) && !(publishedAt >= (oldest.get(queue) ?? '~')))
      oldest.set(queue, publishedAt);
  }
  for (const [shard, oldestPublishedAt] of oldest) {
    if (nowMs - (progressRecordedAtMs.get(shard) ?? -Infinity) < RECORDED_EVERY_MS) continue;
    progressRecordedAtMs.set(shard, nowMs);
    await progress
      .record(shard, { oldestPublishedAt, at: new Date(nowMs).toISOString() })
      .catch((error: unknown) => warn('recording the progress of the queue failed', error));
  }
}
