import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';

/**
 * A client without the SDK's own logging, which nobody reads here: it copies every item of every request and answer, for
 * four tenths of what a transaction costs in CPU.
 */
export function dynamoDbClient(options: DynamoDBClientConfig): DynamoDBClient {
  const client = new DynamoDBClient(options);
  client.middlewareStack.remove('loggerMiddleware');
  return client;
}
