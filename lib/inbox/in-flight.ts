import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';

import { batchGet } from './batch-get.ts';
import type { Lines } from './inbox.ts';
import { INBOX_TABLE } from './tables.ts';
import { repeated } from './patience.ts';
import type { Store } from './settle.ts';
import type { Scope } from './transaction.ts';

const place = ({ tablePrefix, queue }: Scope) => ({
  TableName: tablePrefix + INBOX_TABLE,
  Key: { pk: { S: `!in-flight#${queue}` } },
});

/** The lines of a batch that was begun and never ended, if there is one. Throws `StoreUnavailableError`. */
export async function readInFlight({ client, patience }: Store, scope: Scope): Promise<Lines> {
  const { TableName, Key } = place(scope);
  const [item] = await batchGet(client, TableName, [Key], patience);
  return JSON.parse(item?.['lines']?.S ?? '[]') as Lines;
}

/** Notes the lines of the batch that is begun now; none when it has ended. Throws `StoreUnavailableError`. */
export async function noteInFlight({ client, patience }: Store, scope: Scope, lines: Lines): Promise<void> {
  const { TableName, Key } = place(scope);
  if (lines.length === 0) {
    await repeated(() => client.send(new DeleteItemCommand({ TableName, Key })), patience);
    return;
  }
  const item = { ...Key, lines: { S: JSON.stringify(lines) } };
  await repeated(() => client.send(new PutItemCommand({ TableName, Item: item })), patience);
}
