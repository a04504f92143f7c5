import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { requestLimits } from 'surehop/dynamodb';

import { LOCAL_AWS } from './local-aws.ts';

/** Returns whether a DynamoDB responds at `endpoint`. */
export async function doesStoreAnswer(endpoint: string, timeoutMs = 2_000): Promise<boolean> {
  const client = new DynamoDBClient({
    endpoint,
    region: LOCAL_AWS.AWS_REGION,
    credentials: { accessKeyId: LOCAL_AWS.AWS_ACCESS_KEY_ID, secretAccessKey: LOCAL_AWS.AWS_SECRET_ACCESS_KEY },
    maxAttempts: 1,
    requestHandler: requestLimits(timeoutMs),
  });
  try {
    await client.send(new ListTablesCommand({ Limit: 1 }));
    return true;
  } catch {
    return false;
  } finally {
    client.destroy();
  }
}
