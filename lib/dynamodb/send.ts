import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { toStoreError } from './reply.ts';

/**
 * Sends what `send` asks for to the store. Throws `StoreUnavailableError` where the store is away, slow or overloaded,
 * `MisconfiguredError` where it refuses the request, and the error of a condition that does not hold.
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
