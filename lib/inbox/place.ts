import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';
import type { Placement } from './inbox.ts';
import { placementItem } from './marker.ts';
import { expiry, INBOX_TABLE } from './table.ts';
import { conditionalWrite } from '../dynamodb/retry-policy.ts';
import type { Store } from '../dynamodb/store.ts';
import type { Scope } from './table.ts';

const CONCURRENT_REQUESTS = 16;

/** A live lease stays: whoever holds it will say how the message ended. */
const isFurther =
  '((#state IN (:retrying, :dead) OR (#state = :leased AND #until <= :now)) AND ' +
  '(attribute_not_exists(#placed) OR #placed < :placed))';

/** The own claim passes too: the answer to an earlier attempt at this request may have been lost. */
const isOwnClaim =
  '(#state = :dead AND #placed = :placed AND #hash = :hash AND #code = :code AND attribute_exists(#pending))';

async function write(
  { client, clock, retryPolicy }: Store,
  { queue, tablePrefix, retentionDays }: Scope,
  placement: Placement,
  isPending: boolean,
): Promise<boolean> {
  const nowMs = clock.now();
  const at = new Date(nowMs).toISOString();
  const Item = placementItem(queue, placement, at, expiry(nowMs, retentionDays), isPending);
  const isDead = placement.state === 'dead-lettered';
  const command = {
    TableName: tablePrefix + INBOX_TABLE,
    Item,
    ConditionExpression: `attribute_not_exists(#pk) OR ${isFurther}${isDead ? ` OR ${isOwnClaim}` : ''}`,
    ExpressionAttributeNames: {
      '#pk': 'pk',
      '#state': 'state',
      '#placed': 'placed',
      '#until': 'leaseExpiresAtMs',
      ...(isDead && { '#hash': 'payloadHash', '#code': 'code', '#pending': 'pending' }),
    },
    ExpressionAttributeValues: {
      ':retrying': { S: 'retrying' },
      ':dead': { S: 'dead-lettered' },
      ':leased': { S: 'leased' },
      ':now': { N: String(nowMs) },
      ':placed': Item['placed']!,
      ...(isDead && { ':hash': Item['payloadHash']!, ':code': Item['code']! }),
    },
  };
  return conditionalWrite(() => client.send(new PutItemCommand(command)), retryPolicy);
}

/** Notes where failed messages went, unless their markers say more already. Throws `StoreUnavailableError`. */
export async function recordPlacements(store: Store, scope: Scope, placements: readonly Placement[]): Promise<void> {
  await pMap(placements, (placement) => write(store, scope, placement, false), { concurrency: CONCURRENT_REQUESTS });
}

/** Settles that messages end as dead letters, before these are published; `false` where the marker says more already. Throws `StoreUnavailableError`. */
export const claimDeadLetters = (store: Store, scope: Scope, placements: readonly Placement[]): Promise<boolean[]> =>
  pMap(placements, (placement) => write(store, scope, placement, true), { concurrency: CONCURRENT_REQUESTS });
