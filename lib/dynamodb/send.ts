import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { toStoreError } from './failure.ts';

/**
 * Sends a request to DynamoDB and converts its errors. Throws `StoreUnavailableError` if DynamoDB throttles the request
 * or does not reply in time. Throws `MisconfiguredError` if DynamoDB rejects the request as invalid, or if a table, a
 * permission or the credentials are wrong. Throws `ConditionalCheckFailedException` if the condition of a write fails.
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
