import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { UpdateItemInput } from '@aws-sdk/client-dynamodb';

import { conditionalWrite } from '../dynamodb/retry-policy.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Attempt } from './inbox.ts';
import type { InboxTable } from './table.ts';
import { givesWay, markerKey, RELEASED_MS } from './marker.ts';

/** The inbox marker of a message while one Lambda execution environment runs the `perform` function for the message. */
interface Lease extends Attempt {
  readonly id: MessageId;
  readonly payloadHash: string;
  /** Identifies the call of a `perform` function that holds the lease. */
  readonly owner: string;
  readonly durationMs: number;
}

/**
 * Takes and releases leases on messages. The commit of a message also ends the lease on this message. Every method
 * throws `StoreUnavailableError` if DynamoDB does not reply.
 */
export interface Leases {
  /**
   * Takes a lease on a message. Returns `false` if another owner holds the lease, or if the message is completed or
   * dead-lettered.
   */
  take(queue: string, lease: Lease): Promise<boolean>;
  /**
   * Ends the lease that `owner` holds on a message, so that a retry of the message need not wait until the lease
   * expires.
   */
  release(queue: string, id: MessageId, owner: string): Promise<void>;
}

export function createLeases({ client, retryPolicy, clock, name, expiresAt }: InboxTable): Leases {
  const update = (
    queue: string,
    id: MessageId,
    expression: () => Omit<UpdateItemInput, 'TableName' | 'Key'>,
  ): Promise<boolean> =>
    conditionalWrite(
      () => client.send(new UpdateItemCommand({ TableName: name, Key: markerKey(queue, id), ...expression() })),
      retryPolicy,
    );

  return {
    take(queue, lease) {
      const { id, owner, durationMs } = lease;
      return update(queue, id, () => {
        // The lease lasts `durationMs` from the last attempt of this request, because earlier attempts may have taken long.
        const nowMs = clock.now();
        // The owner may take its own lease again, because the reply to an earlier attempt of this request may have been lost.
        const condition = givesWay({ ...lease, leaseOwner: owner }, nowMs);
        return {
          UpdateExpression:
            'SET #state = :leased, #owner = :owner, #until = :until, #hash = :hash, #at = :at, #expiry = :expiry',
          ConditionExpression: condition.ConditionExpression,
          ExpressionAttributeNames: {
            ...condition.ExpressionAttributeNames,
            '#at': 'at',
            '#expiry': 'expiresAt',
          },
          ExpressionAttributeValues: {
            ...condition.ExpressionAttributeValues,
            ':until': { N: String(nowMs + durationMs) },
            ':at': { S: new Date(nowMs).toISOString() },
            ':expiry': { N: expiresAt() },
          },
        };
      });
    },

    async release(queue, id, owner) {
      await update(queue, id, () => ({
        UpdateExpression: 'SET #until = :past',
        ConditionExpression: '#owner = :owner AND #state = :leased',
        ExpressionAttributeNames: { '#owner': 'owner', '#state': 'state', '#until': 'leaseExpiresAtMs' },
        ExpressionAttributeValues: {
          ':leased': { S: 'leased' },
          ':owner': { S: owner },
          ':past': { N: String(RELEASED_MS) },
        },
      }));
    },
  };
}
