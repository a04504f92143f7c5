import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';

import type { DevEnvironment } from '../dev/runtime/dev-environment.ts';
import { localClient } from '../dev/runtime/store/tables.ts';

type Tables = Pick<DevEnvironment, 'store' | 'tablePrefix'>;

/**
 * Makes every attempt to add points fail for the given customers, by storing a text instead of a number as their
 * points.
 */
export async function corruptItems({ store, tablePrefix }: Tables, customerIds: readonly string[]): Promise<void> {
  const client = localClient(store.endpoint);
  for (const customerId of customerIds)
    await client.send(
      new PutItemCommand({
        TableName: `${tablePrefix}points`,
        Item: { customerId: { S: customerId }, points: { S: 'corrupt' } },
      }),
    );
  client.destroy();
}

/** Deletes the corrupt DynamoDB item of a customer, so that points can be added to this customer again. */
export async function repairItem({ store, tablePrefix }: Tables, customerId: string): Promise<void> {
  const client = localClient(store.endpoint);
  await client.send(
    new DeleteItemCommand({ TableName: `${tablePrefix}points`, Key: { customerId: { S: customerId } } }),
  );
  client.destroy();
}
