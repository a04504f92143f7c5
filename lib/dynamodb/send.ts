import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { toStoreError } from './failure.ts';

/**
 * Sends a request to DynamoDB and converts its errors. Throws `StoreUnavailableError` if DynamoDB throttles or does not
 * reply in time, `MisconfiguredError` if DynamoDB refuses the request, and `ConditionalCheckFailedException` if a condition
 * fails.
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
