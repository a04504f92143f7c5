import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../runtime/clock.ts';
import { attemptNotes, beginAttempts, endAttempts } from '../crash-loop/attempt-log.ts';
import { commitEntries } from './commit.ts';
import { findMarkers } from './find.ts';
import { readHolds, writeHold } from '../ordering/blocked-keys.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Inbox, Marker } from './inbox.ts';
import { completeLease, releaseLease, takeLease } from './lease.ts';
import { INBOX_TABLE } from './table.ts';
import { defaultRetryPolicy } from '../dynamodb/retry-policy.ts';
import type { RetryPolicy } from '../dynamodb/retry-policy.ts';
import { claimDeadLetters, recordHandoffs } from './handoffs.ts';
import { beginBatch, endBatch, readOpenBatch } from '../ordering/open-batch-record.ts';
import { noteProgress, readProgress } from './progress.ts';
import { createScarce } from './scarce.ts';
import type { Scope } from './table.ts';

export interface InboxOptions {
  /** Made by `inboxClient`. */
  readonly client: DynamoDBClient;
  readonly tablePrefix: string;
  readonly clock: Clock;
  /** Days for which a marker is kept. */
  readonly retentionDays: number;
  readonly retryPolicy?: RetryPolicy;
}

/** The inbox on DynamoDB: markers and effects of many messages commit in one transaction. */
export function createInbox({
  client,
  tablePrefix,
  clock,
  retentionDays,
  retryPolicy = defaultRetryPolicy,
}: InboxOptions): Inbox {
  const scopeOf = (queue: string): Scope => ({ queue, tablePrefix, retentionDays });
  const store = { client, clock, retryPolicy };
  const scarce = createScarce();
  const find: Inbox['find'] = (queue, ids) => findMarkers(client, tablePrefix + INBOX_TABLE, queue, ids, retryPolicy);
  return {
    find,
    commit: (queue, entries, signal) =>
      commitEntries({ ...store, scope: scopeOf(queue), scarce, signal, find: (ids) => find(queue, ids) }, entries),
    async claimDeadLetters(queue, placements) {
      const isClaimed = await claimDeadLetters(store, scopeOf(queue), placements);
      const refused = placements.filter((_, index) => !isClaimed[index]).map(({ id }) => id);
      const markers = refused.length > 0 ? await find(queue, refused) : new Map<MessageId, Marker>();
      return placements.map(({ id }, index) => (isClaimed[index] ? undefined : markers.get(id)));
    },
    recordHandoffs: (queue, placements) => recordHandoffs(store, scopeOf(queue), placements),
    lease: (queue, lease) => takeLease(store, scopeOf(queue), lease),
    completeLease: (queue, id, owner) => completeLease(store, scopeOf(queue), id, owner),
    releaseLease: (queue, id, owner) => releaseLease(store, scopeOf(queue), id, owner),
    attemptNotes: (queue, ids) => attemptNotes(store, scopeOf(queue), ids),
    beginAttempts: (queue, ids, attempted) => beginAttempts(store, scopeOf(queue), ids, attempted),
    endAttempts: (queue, ids) => endAttempts(store, scopeOf(queue), ids),
    readHolds: (queue, keys) => readHolds(store, scopeOf(queue), keys),
    writeHold: (queue, key, ids, before, firstSeenAtMs) =>
      writeHold(store, scopeOf(queue), key, { ids, firstSeenAtMs }, before),
    readOpenBatch: (shard) => readOpenBatch(store, scopeOf(shard)),
    beginBatch: (shard, lines, before) => beginBatch(store, scopeOf(shard), lines, before),
    endBatch: (shard, version) => endBatch(store, scopeOf(shard), version),
    noteProgress: (queue, progress) => noteProgress(store, scopeOf(queue), progress),
    readProgress: (queue) => readProgress(store, scopeOf(queue)),
  };
}
