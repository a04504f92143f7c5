import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';

import type { MessageId } from '../message-id.ts';
import { batchGet } from './batch-get.ts';
import type { Hold } from './inbox.ts';
import type { Attributes } from './item.ts';
import { expiry } from './marker.ts';
import { INBOX_TABLE } from './tables.ts';
import { ifCondition } from './patience.ts';
import type { Store } from './settle.ts';
import type { Scope } from './transaction.ts';

const prefix = (queue: string) => `!held#${queue}#`;

const place = ({ tablePrefix, queue }: Scope, key: string) => ({
  TableName: tablePrefix + INBOX_TABLE,
  Key: { pk: { S: prefix(queue) + key } },
});

/** Who waits for whom, by key, each named once; a key without anybody waiting is not in the map. Throws `StoreUnavailableError`. */
export async function readHolds(
  { client, patience }: Store,
  scope: Scope,
  keys: readonly string[],
): Promise<Map<string, Hold>> {
  const table = scope.tablePrefix + INBOX_TABLE;
  const items = await batchGet(
    client,
    table,
    keys.map((key) => place(scope, key).Key),
    patience,
  );
  return new Map(items.map((item) => [(item['pk']?.S ?? '').slice(prefix(scope.queue).length), toHold(item)]));
}

const toHold = (item: Attributes): Hold => ({
  ids: JSON.parse(item['ids']?.S ?? '[]') as MessageId[],
  version: Number(item['version']?.N),
  changedAtMs: Number(item['changedAtMs']?.N),
});

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
