import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { UpdateItemInput } from '@aws-sdk/client-dynamodb';
import type { MessageId } from '../events/message-id.ts';
import type { Lease } from './inbox.ts';
import { givesWay, markerKey } from './marker.ts';
import { expiry, INBOX_TABLE } from './table.ts';
import { conditionalWrite } from '../dynamodb/retry-policy.ts';
import type { Store } from '../dynamodb/store.ts';
import type { Scope } from './table.ts';

const change = (
  { client, retryPolicy }: Store,
  { queue, tablePrefix }: Scope,
  id: MessageId,
  expression: Omit<UpdateItemInput, 'TableName' | 'Key'>,
): Promise<boolean> => {
  const input = { TableName: tablePrefix + INBOX_TABLE, Key: markerKey(queue, id), ...expression };
  return conditionalWrite(() => client.send(new UpdateItemCommand(input)), retryPolicy);
};

/** Takes or prolongs a lease; `false` where another holds it or the message is done. Throws `StoreUnavailableError`. */
export function takeLease(store: Store, scope: Scope, lease: Lease): Promise<boolean> {
  const { id, owner, durationMs } = lease;
  const nowMs = store.clock.now();
  const { ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues } = givesWay(lease, nowMs);
  return change(store, scope, id, {
    UpdateExpression:
      'SET #state = :leased, #owner = :owner, #until = :until, #hash = :hash, #at = :at, #expiry = :expiry',
    // The own lease passes too: the answer to an earlier attempt at this request may have been lost.
    ConditionExpression: `${ConditionExpression} OR (#state = :leased AND #owner = :owner)`,
    ExpressionAttributeNames: { ...ExpressionAttributeNames, '#owner': 'owner', '#at': 'at', '#expiry': 'expiresAt' },
    ExpressionAttributeValues: {
      ...ExpressionAttributeValues,
      ':owner': { S: owner },
      ':until': { N: String(nowMs + durationMs) },
      ':at': { S: new Date(nowMs).toISOString() },
      ':expiry': { N: expiry(nowMs, scope.retentionDays) },
    },
  });
}

/** Completes a lease that nobody took over, even past its time; `false` where it was lost. Throws `StoreUnavailableError`. */
export function completeLease(store: Store, scope: Scope, id: MessageId, owner: string): Promise<boolean> {
  const nowMs = store.clock.now();
  return change(store, scope, id, {
    UpdateExpression: 'SET #state = :completed, #events = :none, #at = :at, #expiry = :expiry REMOVE #until',
    // The owner stays on record, so that a repetition of this request is known for what it is.
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
      ':at': { S: new Date(nowMs).toISOString() },
      ':expiry': { N: expiry(nowMs, scope.retentionDays) },
    },
  });
}

/** Lets a lease that `owner` holds run out now. Throws `StoreUnavailableError`. */
export async function releaseLease(store: Store, scope: Scope, id: MessageId, owner: string): Promise<void> {
  await change(store, scope, id, {
    UpdateExpression: 'SET #until = :past',
    ConditionExpression: '#owner = :owner AND #state = :leased',
    ExpressionAttributeNames: { '#state': 'state', '#owner': 'owner', '#until': 'leaseExpiresAtMs' },
    ExpressionAttributeValues: { ':leased': { S: 'leased' }, ':owner': { S: owner }, ':past': { N: '0' } },
  });
}
