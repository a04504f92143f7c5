import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';

import type { Attributes } from '../dynamodb/item.ts';
import { conditionalWrite } from '../dynamodb/retry-policy.ts';
import type { InboxTable } from './table.ts';

const CONCURRENT_REQUESTS = 16;

const DAY_S = 86_400;

const FINAL_STATES: ReadonlySet<string | undefined> = new Set(['completed', 'rejected', 'dead-lettered']);

/**
 * Postpones the expiry of the given inbox markers of completed, rejected and dead-lettered messages. A marker is written
 * only if less than half of its retention is left. A marker must not expire while copies of its message are still
 * delivered, because the business rule would then run again for the message.
 */
export async function renewMarkers(table: InboxTable, items: readonly Attributes[]): Promise<void> {
  const renewedBeforeS = table.clock.now() / 1_000 + (table.retentionDays * DAY_S) / 2;
  const aging = items.filter(
    ({ state, expiresAt }) => FINAL_STATES.has(state?.S) && Number(expiresAt?.N) < renewedBeforeS,
  );
  await pMap(aging, (item) => renew(table, item), { concurrency: CONCURRENT_REQUESTS });
}

/**
 * Writes an inbox marker again with a later expiry, unless another marker has replaced it. The request contains the
 * whole marker, because DynamoDB may have deleted the expired marker after it was read.
 */
function renew({ client, name, retryPolicy, expiresAt }: InboxTable, item: Attributes): Promise<boolean> {
  const { state, at } = item;
  return conditionalWrite(
    () =>
      client.send(
        new PutItemCommand({
          TableName: name,
          Item: { ...item, expiresAt: { N: expiresAt() } },
          ConditionExpression: `attribute_not_exists(#pk) OR (#state = :state AND ${at ? '#at = :at' : 'attribute_not_exists(#at)'})`,
          ExpressionAttributeNames: { '#pk': 'pk', '#state': 'state', '#at': 'at' },
          ExpressionAttributeValues: { ':state': state!, ...(at && { ':at': at }) },
        }),
      ),
    retryPolicy,
  );
}
