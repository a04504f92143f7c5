import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';
import type { Placement } from './inbox.ts';
import { expiry, placementItem } from './marker.ts';
import { INBOX_TABLE } from './tables.ts';
import { ifCondition } from './patience.ts';
import type { Store } from './settle.ts';
import type { Scope } from './transaction.ts';

const CONCURRENT_REQUESTS = 16;

/** A live lease stays: whoever holds it will say how the message ended. */
const CONDITION =
  'attribute_not_exists(#pk) OR ((#state IN (:retrying, :dead) OR (#state = :leased AND #until <= :now)) AND ' +
  '(attribute_not_exists(#placed) OR #placed < :placed))';
const NAMES = { '#pk': 'pk', '#state': 'state', '#placed': 'placed', '#until': 'leaseExpiresAtMs' };

/** Notes where failed messages went, unless their markers say more already. Throws `StoreUnavailableError`. */
export async function recordPlacements(
  { client, clock, patience }: Store,
  { queue, tablePrefix, retentionDays }: Scope,
  placements: readonly Placement[],
): Promise<void> {
  const nowMs = clock.now();
  const at = new Date(nowMs).toISOString();
  const expiresAt = expiry(nowMs, retentionDays);

  async function record(placement: Placement): Promise<void> {
    const Item = placementItem(queue, placement, at, expiresAt);
    const command = {
      TableName: tablePrefix + INBOX_TABLE,
      Item,
      ConditionExpression: CONDITION,
      ExpressionAttributeNames: NAMES,
      ExpressionAttributeValues: {
        ':retrying': { S: 'retrying' },
        ':dead': { S: 'dead-lettered' },
        ':leased': { S: 'leased' },
        ':now': { N: String(nowMs) },
        ':placed': Item['placed']!,
      },
    };
    await ifCondition(() => client.send(new PutItemCommand(command)), patience);
  }

  await pMap(placements, record, { concurrency: CONCURRENT_REQUESTS });
}
