import { DeleteItemCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';

import type { MessageId } from '../message-id.ts';
import type { Hold } from './inbox.ts';
import type { Attributes } from './item.ts';
import { expiry, INBOX_TABLE } from './marker.ts';
import { ifCondition, repeated } from './patience.ts';
import type { Store } from './settle.ts';
import type { Scope } from './transaction.ts';

const CONCURRENT_REQUESTS = 16;

const place = ({ tablePrefix, queue }: Scope, key: string) => ({
  TableName: tablePrefix + INBOX_TABLE,
  Key: { pk: { S: `!held#${queue}#${key}` } },
});

/** Who waits for whom, by key; a key without anybody waiting is not in the map. Throws `StoreUnavailableError`. */
export async function readHolds(
  { client, patience }: Store,
  scope: Scope,
  keys: readonly string[],
): Promise<Map<string, Hold>> {
  const holds = new Map<string, Hold>();
  const read = async (key: string) => {
    const command = new GetItemCommand({ ...place(scope, key), ConsistentRead: true });
    const { Item: item } = await repeated(() => client.send(command), patience);
    if (!item) return;
    const ids = JSON.parse(item['ids']?.S ?? '[]') as MessageId[];
    holds.set(key, { ids, version: Number(item['version']?.N), changedAtMs: Number(item['changedAtMs']?.N) });
  };
  await pMap(keys, read, { concurrency: CONCURRENT_REQUESTS });
  return holds;
}

/**
 * Writes who waits from now on; `false` where somebody else changed it since `before` was read. Nobody waiting is no item.
 * Throws `StoreUnavailableError`.
 */
export async function writeHold(
  { client, clock, patience }: Store,
  scope: Scope,
  key: string,
  ids: readonly MessageId[],
  before: Hold | undefined,
): Promise<boolean> {
  const nowMs = clock.now();
  const version = (before?.version ?? 0) + 1;
  const values: Attributes = { ':version': { N: String(version) }, ':ids': { S: JSON.stringify(ids) } };
  if (before) values[':before'] = { N: String(before.version) };
  const condition = {
    // The own writing passes too: the answer to an earlier attempt at this request may have been lost.
    ConditionExpression:
      'attribute_not_exists(#pk) OR (#version = :version AND #ids = :ids)' + (before ? ' OR #version = :before' : ''),
    ExpressionAttributeNames: { '#pk': 'pk', '#version': 'version', '#ids': 'ids' },
    ExpressionAttributeValues: values,
  };
  if (ids.length === 0)
    return ifCondition(() => client.send(new DeleteItemCommand({ ...place(scope, key), ...condition })), patience);
  const { TableName, Key } = place(scope, key);
  const item = {
    ...Key,
    ids: { S: JSON.stringify(ids) },
    version: { N: String(version) },
    changedAtMs: { N: String(nowMs) },
    expiresAt: { N: expiry(nowMs, scope.retentionDays) },
  };
  return ifCondition(() => client.send(new PutItemCommand({ TableName, Item: item, ...condition })), patience);
}
