import { batchGet } from '../dynamodb/batch-get.ts';
import type { Attributes } from '../dynamodb/item.ts';
import type { MessageId } from '../events/message-id.ts';
import { log } from '../runtime/log.ts';
import { errorFields } from '../runtime/stack.ts';
import { createCommit } from './commit.ts';
import { claimDeadLetters, recordHandoffs } from './handoffs.ts';
import type { Inbox, Marker } from './inbox.ts';
import { markerKey, toMarker } from './marker.ts';
import { renewRecords } from './renew.ts';
import type { InboxTable } from './table.ts';

/** Reads the inbox records of the messages `ids` without changing them, so that the caller needs no permission to write. */
export const readMarkers = async (
  table: InboxTable,
  queue: string,
  ids: readonly MessageId[],
): Promise<Map<MessageId, Marker>> => toMarkers(queue, await readItems(table, queue, ids));

const readItems = (
  { client, name, retryPolicy }: InboxTable,
  queue: string,
  ids: readonly MessageId[],
): Promise<Attributes[]> =>
  batchGet(
    client,
    name,
    [...new Set(ids)].map((id) => markerKey(queue, id)),
    retryPolicy,
  );

function toMarkers(queue: string, items: readonly Attributes[]): Map<MessageId, Marker> {
  const markers = new Map<MessageId, Marker>();
  for (const item of items)
    try {
      const marker = toMarker(queue, item);
      markers.set(marker.id, marker);
    } catch (error) {
      log().error('inbox record cannot be read', { queue, ...errorFields(error) });
    }
  return markers;
}

/** Creates an inbox, which commits the effects and inbox records of many messages in one DynamoDB transaction. */
export function createInbox(table: InboxTable): Inbox {
  async function find(queue: string, ids: readonly MessageId[]): Promise<Map<MessageId, Marker>> {
    const items = await readItems(table, queue, ids);
    await renewRecords(table, items);
    return toMarkers(queue, items);
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
