import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { UpdateItemInput } from '@aws-sdk/client-dynamodb';

import { conditionalWrite } from '../dynamodb/retry-policy.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Attempt } from './inbox.ts';
import type { InboxTable } from './table.ts';
import { givesWay, markerKey, RELEASED_MS } from './marker.ts';

/** The inbox record of a message while one Lambda environment runs the rule's `perform` function for the message. */
interface Lease extends Attempt {
  readonly id: MessageId;
  readonly payloadHash: string;
  /** Identifies the single call of `perform` that holds the lease. */
  readonly owner: string;
  readonly durationMs: number;
}

/**
 * Takes, completes and releases leases on messages. Every method throws `StoreUnavailableError` if DynamoDB does not
 * reply.
 */
export interface Leases {
  /**
   * Takes a lease on a message. Returns `false` if another owner holds the lease, or if the message is completed or
   * dead-lettered.
   */
  take(queue: string, lease: Lease): Promise<boolean>;
  /**
   * Marks the message as completed, even if the lease has expired. Returns `false` if another owner has taken over the
   * lease.
   */
  complete(queue: string, id: MessageId, owner: string): Promise<boolean>;
  /** Ends the owner's lease at once. A retry of the message then need not wait until the lease expires. */
  release(queue: string, id: MessageId, owner: string): Promise<void>;
}

export function createLeases({ client, retryPolicy, clock, name, expiresAt }: InboxTable): Leases {
  const update = (
    queue: string,
    id: MessageId,
    expression: Omit<UpdateItemInput, 'TableName' | 'Key'>,
  ): Promise<boolean> => {
    const command = new UpdateItemCommand({ TableName: name, Key: markerKey(queue, id), ...expression });
    return conditionalWrite(() => client.send(command), retryPolicy);
  };

  return {
    take(queue, lease) {
      const { id, owner, durationMs } = lease;
      const nowMs = clock.now();
      const { ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues } = givesWay(lease, nowMs);
      return update(queue, id, {
        UpdateExpression:
          'SET #state = :leased, #owner = :owner, #until = :until, #hash = :hash, #at = :at, #expiry = :expiry',
        // The owner may take its own lease again, because the reply to an earlier attempt of this request may have been lost.
        ConditionExpression: `${ConditionExpression} OR (#state = :leased AND #owner = :owner)`,
        ExpressionAttributeNames: {
          ...ExpressionAttributeNames,
          '#owner': 'owner',
          '#at': 'at',
          '#expiry': 'expiresAt',
        },
        ExpressionAttributeValues: {
          ...ExpressionAttributeValues,
          ':owner': { S: owner },
          ':until': { N: String(nowMs + durationMs) },
          ':at': { S: new Date(nowMs).toISOString() },
          ':expiry': { N: expiresAt() },
        },
      });
    },

    complete: (queue, id, owner) =>
      update(queue, id, {
        UpdateExpression: 'SET #state = :completed, #events = :none, #at = :at, #expiry = :expiry REMOVE #until',
        // The record keeps its owner, so that this request succeeds again if it is repeated.
        ConditionExpression: '#owner = :owner AND #state IN (:leased, :completed)',
        ExpressionAttributeNames: {
          '#state': 'state',
          '#owner': 'owner',
          '#until': 'leaseExpiresAtMs',
          '#events': 'events',
          '#at': 'at',
          '#expiry': 'expiresAt',
        },
        ExpressionAttributeValues: {
          ':leased': { S: 'leased' },
          ':completed': { S: 'completed' },
          ':owner': { S: owner },
          ':none': { S: '[]' },
          ':at': { S: new Date(clock.now()).toISOString() },
          ':expiry': { N: expiresAt() },
        },
      }),

    async release(queue, id, owner) {
      await update(queue, id, {
        UpdateExpression: 'SET #until = :past',
        ConditionExpression: '#owner = :owner AND #state = :leased',
        ExpressionAttributeNames: { '#owner': 'owner', '#state': 'state', '#until': 'leaseExpiresAtMs' },
        ExpressionAttributeValues: {
          ':leased': { S: 'leased' },
          ':owner': { S: owner },
          ':past': { N: String(RELEASED_MS) },
        },
      });
    },
  };
}
