import { GetItemCommand, type TransactWriteItem } from '@aws-sdk/client-dynamodb';

import { expiryAfter } from '../dynamodb/item.ts';
import { sendToDynamo } from '../dynamodb/send.ts';
import type { MessageId } from '../events/message-id.ts';
import { doneItem, markerKey, toMarker } from './marker.ts';
import type { InboxTable } from './table.ts';

/** A message that must never be processed again by the consumer of its queue, because another message replaces it. */
interface Superseded {
  readonly queue: string;
  readonly id: MessageId;
  readonly payloadHash: string;
  /** The id of the message that replaces this message. */
  readonly by: MessageId;
  /** For how many days the inbox record is kept. */
  readonly retentionDays: number;
}

export type Supersession =
  /** The write, if there is one, belongs into the transaction that stores the replacing message. */
  | { readonly is: 'possible'; readonly write?: TransactWriteItem }
  /** The message was already completed or rejected, or another message already replaces it. */
  | { readonly is: 'processed' }
  /** A consumer is calling its `perform` function for the message. */
  | { readonly is: 'leased' };

/** The reason in the inbox record of a message that another message replaces. */
const SUPERSEDED = 'SUPERSEDED';

/**
 * Reads the inbox record of a message, and returns the write that rejects the message on behalf of its consumer. Copies of
 * the message that are still on the broker are then skipped as duplicates. The condition of the write fails if a consumer
 * has committed the message in the meantime, and either the message or its replacement is therefore processed, never both.
 */
export async function supersede(
  { client, name, clock }: Pick<InboxTable, 'client' | 'name' | 'clock'>,
  { queue, id, payloadHash, by, retentionDays }: Superseded,
): Promise<Supersession> {
  const get = new GetItemCommand({ TableName: name, Key: markerKey(queue, id), ConsistentRead: true });
  const { Item: item } = await sendToDynamo(() => client.send(get), client);
  const marker = item && toMarker(queue, item);
  const nowMs = clock.now();
  // The inbox record belongs to another message with the same id, which must not be rejected.
  if (marker && marker.payloadHash !== payloadHash) return { is: 'possible' };
  if (marker?.state === 'completed' || marker?.state === 'rejected') return { is: 'processed' };
  if (marker?.state === 'leased' && marker.leaseExpiresAtMs > nowMs) return { is: 'leased' };
  const at = new Date(nowMs).toISOString();
  const rejected = {
    queue,
    id,
    state: 'rejected',
    at,
    payloadHash,
    events: [],
    reason: SUPERSEDED,
    supersededBy: by,
  } as const;
  return {
    is: 'possible',
    write: {
      Put: {
        TableName: name,
        Item: doneItem(rejected, expiryAfter(retentionDays, nowMs)),
        ConditionExpression:
          'attribute_not_exists(#pk) OR (#hash = :hash AND ' +
          '(#state IN (:retrying, :dead) OR (#state = :leased AND #until <= :now)))',
        ExpressionAttributeNames: {
          '#pk': 'pk',
          '#state': 'state',
          '#until': 'leaseExpiresAtMs',
          '#hash': 'payloadHash',
        },
        ExpressionAttributeValues: {
          ':hash': { S: payloadHash },
          ':retrying': { S: 'retrying' },
          ':dead': { S: 'dead-lettered' },
          ':leased': { S: 'leased' },
          ':now': { N: String(nowMs) },
        },
      },
    },
  };
}
