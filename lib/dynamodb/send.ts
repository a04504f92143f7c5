import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { toStoreError } from './failure.ts';

/**
 * Sends a request to DynamoDB. Throws `StoreUnavailableError` if DynamoDB is unavailable, `MisconfiguredError` if, for
 * example, a table or a permission is missing, and `ConditionalCheckFailedException` if the condition of a write fails.
 */
export async function sendToDynamo<T>(
  send: (client: DynamoDBClient) => Promise<T>,
  client: DynamoDBClient,
): Promise<T> {
  try {
    return await send(client);
  } catch (error) {
    throw toStoreError(error);
  }
}
