import { randomUUID } from 'node:crypto';

import {
  ConditionalCheckFailedException,
  PutItemCommand,
  type DynamoDBClient,
  type PutItemCommandInput,
} from '@aws-sdk/client-dynamodb';

/**
 * Puts an item under a condition that fails once the item is stored, for example that no such item exists. After a lost
 * reply, the AWS SDK sends the request again, and the condition fails although this call stored the item. The attribute
 * `writeId` shows this, and the call succeeds. If the condition fails because of another write, the call throws
 * `ConditionalCheckFailedException` with the stored item.
 */
export async function putOnce(
  client: DynamoDBClient,
  input: PutItemCommandInput & { readonly ConditionExpression: string },
  options: { readonly abortSignal?: AbortSignal } = {},
): Promise<void> {
  const writeId = randomUUID();
  const command = new PutItemCommand({
    ...input,
    Item: { ...input.Item, writeId: { S: writeId } },
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  try {
    await client.send(command, options);
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException && error.Item?.['writeId']?.S === writeId)) throw error;
  }
}
