import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';

import type { Progress } from './inbox.ts';
import { INBOX_TABLE } from '../dynamodb/tables.ts';
import { repeated } from '../dynamodb/retry-policy.ts';
import type { Store } from './settle.ts';
import type { Scope } from './transaction.ts';

const place = ({ tablePrefix, queue }: Scope) => ({
  TableName: tablePrefix + INBOX_TABLE,
  Key: { pk: { S: `!progress#${queue}` } },
});

/** Notes how far a queue has been read. Throws `StoreUnavailableError`. */
export async function noteProgress(
  { client, patience }: Store,
  scope: Scope,
  { oldestPublishedAt, at }: Progress,
): Promise<void> {
  const { TableName, Key } = place(scope);
  const item = { ...Key, oldestPublishedAt: { S: oldestPublishedAt }, at: { S: at } };
  await repeated(() => client.send(new PutItemCommand({ TableName, Item: item })), patience);
}

/** How far a queue had been read; `undefined` where nobody noted it. Throws `StoreUnavailableError`. */
export async function readProgress({ client, patience }: Store, scope: Scope): Promise<Progress | undefined> {
  const { Item: item } = await repeated(() => client.send(new GetItemCommand(place(scope))), patience);
  return item && { oldestPublishedAt: item['oldestPublishedAt']?.S ?? '', at: item['at']?.S ?? '' };
}
