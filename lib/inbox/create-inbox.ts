import { batchGet } from '../dynamodb/batch-get.ts';
import type { MessageId } from '../events/message-id.ts';
import { log } from '../runtime/log.ts';
import { errorFields } from '../runtime/stack.ts';
import { createCommit } from './commit.ts';
import { recordHandoffs, writeClaims } from './handoffs.ts';
import type { ClaimResult, FoundMarker, Inbox } from './inbox.ts';
import { markerKey, readMarker } from './marker.ts';
import { renewMarkers } from './renew.ts';
import type { InboxTable } from './table.ts';

/** Creates an inbox, which commits the effects and inbox markers of many messages in one DynamoDB transaction. */
export function createInbox(table: InboxTable): Inbox {
  const { client, name, retryPolicy } = table;

  async function find(queue: string, ids: readonly MessageId[]): Promise<Map<MessageId, FoundMarker>> {
    const keys = [...new Set(ids)].map((id) => markerKey(queue, id));
    const items = await batchGet(client, name, keys, retryPolicy);
    await renewMarkers(table, items);
    const markers = new Map<MessageId, FoundMarker>();
    for (const item of items) {
      const marker = readMarker(queue, item);
      if (marker.state === 'unreadable')
        log().error('cannot read the inbox marker of a message', {
          queue,
          messageId: marker.id,
          ...errorFields(marker.error),
        });
      markers.set(marker.id, marker);
    }
    return markers;
  }

  return {
    find,
    commit: createCommit(table),
    async claimDeadLetters(queue, handoffs) {
      const isClaimed = await writeClaims(table, queue, handoffs);
      const refused = handoffs.filter((_, index) => !isClaimed[index]).map(({ id }) => id);
      const markers = refused.length > 0 ? await find(queue, refused) : new Map<MessageId, FoundMarker>();
      return handoffs.map(({ id }, index): ClaimResult => {
        if (isClaimed[index]) return { is: 'claimed' };
        const marker = markers.get(id);
        return marker ? { is: 'refused', marker } : { is: 'gone' };
      });
    },
    recordHandoffs: (queue, handoffs) => recordHandoffs(table, queue, handoffs),
  };
}
