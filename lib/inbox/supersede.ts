import { GetItemCommand, type TransactWriteItem } from '@aws-sdk/client-dynamodb';

import { expiryAfter } from '../dynamodb/item.ts';
import { sendToDynamo } from '../dynamodb/send.ts';
import type { MessageId } from '../events/message-id.ts';
import { doneItem, markerKey, readMarker } from './marker.ts';
import type { InboxTable } from './table.ts';

/** A message that its consumer must never process again, because another message replaces it. */
interface Superseded {
  readonly queue: string;
  readonly id: MessageId;
  readonly payloadHash: string;
  readonly by: MessageId;
  /** How many days after the edit the inbox marker of the original message expires. */
  readonly retentionDays: number;
}

export type Supersession =
  /**
   * The edited message may replace the original message. `write` records the original message as rejected, and must be
   * part of the transaction that stores the edited message. `write` is absent if consumers skip the original message
   * anyway.
   */
  | { readonly is: 'possible'; readonly write?: TransactWriteItem }
  /** The message was already completed or rejected, or another edited message has already replaced it. */
  | { readonly is: 'processed' }
  /**
   * The message cannot be replaced now. Either a consumer is calling `perform` for it, or a different message that was
   * published with the same id is being performed or retried.
   */
  | { readonly is: 'busy' }
  /** It is unknown whether the message was already completed or rejected, because its inbox marker cannot be read. */
  | { readonly is: 'unreadable'; readonly error: Error };

const SUPERSEDED = 'SUPERSEDED';

/**
 * Returns a write that records a message as rejected, so that the consumer skips all copies of the message. The write
 * fails if the consumer commits the message first.
 */
export async function supersede(
  { client, name, clock }: Pick<InboxTable, 'client' | 'name' | 'clock'>,
  { queue, id, payloadHash, by, retentionDays }: Superseded,
): Promise<Supersession> {
  const get = new GetItemCommand({ TableName: name, Key: markerKey(queue, id), ConsistentRead: true });
  const { Item: item } = await sendToDynamo(() => client.send(get), client);
  const marker = item && readMarker(queue, item);
  if (marker?.state === 'unreadable') return { is: 'unreadable', error: marker.error };
  const nowMs = clock.now();
  const isOther = marker !== undefined && marker.payloadHash !== payloadHash;
  // If another message with the same id is settled, consumers never process a copy of this message.
  if (marker?.state === 'completed' || marker?.state === 'rejected') return { is: isOther ? 'possible' : 'processed' };
  if (marker?.state === 'leased' && (isOther || marker.leaseExpiresAtMs > nowMs)) return { is: 'busy' };
  // The other message is healthy, and a rejection under its id would dead-letter it.
  if (marker?.state === 'retrying' && isOther) return { is: 'busy' };
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
          'attribute_not_exists(#pk) OR #state = :dead OR ' +
          '(#hash = :hash AND (#state = :retrying OR (#state = :leased AND #until <= :now)))',
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
