import { batchGet } from '../dynamodb/batch-get.ts';
import type { MessageId } from '../events/message-id.ts';
import { createCommit } from './commit.ts';
import { claimDeadLetters, recordHandoffs } from './handoffs.ts';
import type { Inbox, Marker } from './inbox.ts';
import { markerKey, toMarker } from './marker.ts';
import type { InboxTable } from './table.ts';

/** Creates an inbox, which commits the effects and inbox records of many messages in one DynamoDB transaction. */
export function createInbox(table: InboxTable): Inbox {
  async function find(queue: string, ids: readonly MessageId[]): Promise<Map<MessageId, Marker>> {
    const keys = [...new Set(ids)].map((id) => markerKey(queue, id));
    const items = await batchGet(table.client, table.name, keys, table.retryPolicy);
    return new Map(items.map((item) => toMarker(queue, item)).map((marker) => [marker.id, marker]));
  }

  return {
    find,
    commit: createCommit(table),
    async claimDeadLetters(queue, handoffs) {
      const isClaimed = await claimDeadLetters(table, queue, handoffs);
      const refused = handoffs.filter((_, index) => !isClaimed[index]).map(({ id }) => id);
      const markers = refused.length > 0 ? await find(queue, refused) : new Map<MessageId, Marker>();
      return handoffs.map(({ id }, index) => (isClaimed[index] ? undefined : markers.get(id)));
    },
    recordHandoffs: (queue, handoffs) => recordHandoffs(table, queue, handoffs),
  };
}
