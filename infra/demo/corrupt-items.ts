import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';

import { TABLE_PREFIX } from '../dev/runtime/settings.ts';
import { localClient } from '../dev/runtime/store/tables.ts';

const table = { TableName: `${TABLE_PREFIX}points` };

/**
 * Makes every attempt to add points fail for the given customers, by storing a text instead of a number as their
 * points.
 */
export async function corruptItems(endpoint: string, customerIds: readonly string[]): Promise<void> {
  const client = localClient(endpoint);
  for (const customerId of customerIds)
    await client.send(
      new PutItemCommand({ ...table, Item: { customerId: { S: customerId }, points: { S: 'corrupt' } } }),
    );
  client.destroy();
}

/** Deletes a customer's corrupt item, so that points can be added to this customer again. */
export async function repairItem(endpoint: string, customerId: string): Promise<void> {
  const client = localClient(endpoint);
  await client.send(new DeleteItemCommand({ ...table, Key: { customerId: { S: customerId } } }));
  client.destroy();
}
