import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';

import type { Progress } from './inbox.ts';
import { INBOX_TABLE } from './table.ts';
import { withRetries } from '../dynamodb/retry-policy.ts';
import type { Store } from '../dynamodb/store.ts';
import type { Scope } from './table.ts';

const place = ({ tablePrefix, queue }: Scope) => ({
  TableName: tablePrefix + INBOX_TABLE,
  Key: { pk: { S: `!progress#${queue}` } },
});

/** Notes how far a queue has been read. Throws `StoreUnavailableError`. */
export async function noteProgress(
  { client, retryPolicy }: Store,
  scope: Scope,
  { oldestPublishedAt, at }: Progress,
): Promise<void> {
  const { TableName, Key } = place(scope);
  const item = { ...Key, oldestPublishedAt: { S: oldestPublishedAt }, at: { S: at } };
  await withRetries(() => client.send(new PutItemCommand({ TableName, Item: item })), retryPolicy);
}

/** How far a queue had been read; `undefined` where nobody noted it. Throws `StoreUnavailableError`. */
export async function readProgress({ client, retryPolicy }: Store, scope: Scope): Promise<Progress | undefined> {
  const { Item: item } = await withRetries(() => client.send(new GetItemCommand(place(scope))), retryPolicy);
  return item && { oldestPublishedAt: item['oldestPublishedAt']?.S ?? '', at: item['at']?.S ?? '' };
}
