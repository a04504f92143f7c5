import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';

import { withRetries } from '../dynamodb/retry-policy.ts';
import { publishTimeOf } from '../events/publish-time.ts';
import type { InboxTable } from '../inbox/table.ts';
import type { Batch } from './batch.ts';
import type { Delivery } from '../message/delivery.ts';

/** The time of the latest batch of a consumer, and the publish time of the oldest message in that batch (ISO 8601). */
export interface Progress {
  /** When the oldest message of the latest batch was published. */
  readonly oldestPublishedAt: string;
  /** When the consumer processed the latest batch. */
  readonly at: string;
}

/**
 * Stores in DynamoDB, for each shard of a queue, the time of the latest batch and the publish time of its oldest
 * message. Every method throws `StoreUnavailableError` if DynamoDB does not answer.
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

const iso = (ms: number) => new Date(ms).toISOString();

/**
 * How long a process waits, in ms, before it stores the publish time of the oldest message of the same queue or shard
 * again.
 */
const RECORDED_EVERY_MS = 5_000;

/**
 * Stores, for each shard in the batch, when the oldest message was published, because RabbitMQ does not report the age
 * of messages in a quorum queue.
 */
export async function recordProgress(
  deliveries: readonly Delivery[],
  { progress, clock, warn, memory: { progressRecordedAtMs } }: Batch,
): Promise<void> {
  const nowMs = clock.now();
  const oldestMs = new Map<string, number>();
  for (const delivery of deliveries) {
    const { queue } = delivery;
    const publishedAtMs = publishTimeOf(delivery);
    if (publishedAtMs !== undefined) oldestMs.set(queue, Math.min(publishedAtMs, oldestMs.get(queue) ?? Infinity));
  }
  for (const [shard, publishedAtMs] of oldestMs) {
    if (nowMs - (progressRecordedAtMs.get(shard) ?? -Infinity) < RECORDED_EVERY_MS) continue;
    progressRecordedAtMs.set(shard, nowMs);
    await progress
      .record(shard, { oldestPublishedAt: iso(publishedAtMs), at: iso(nowMs) })
      .catch((error: unknown) => warn('recording the progress of the queue failed', error));
  }
}
