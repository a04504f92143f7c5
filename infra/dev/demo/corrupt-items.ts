import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';

import { TABLE_PREFIX } from '../runtime/settings.ts';
import { localClient } from '../runtime/store/tables.ts';

const table = { TableName: `${TABLE_PREFIX}points` };

/** Spoils the customers' items: nothing can be added to points that are no number, so that each award fails. */
export async function jam(endpoint: string, customerIds: readonly string[]): Promise<void> {
  const client = localClient(endpoint);
  for (const customerId of customerIds)
    await client.send(
      new PutItemCommand({ ...table, Item: { customerId: { S: customerId }, points: { S: 'spoilt' } } }),
    );
  client.destroy();
}

/** Makes a customer's item a sound one again. */
export async function mend(endpoint: string, customerId: string): Promise<void> {
  const client = localClient(endpoint);
  await client.send(new DeleteItemCommand({ ...table, Key: { customerId: { S: customerId } } }));
  client.destroy();
}
