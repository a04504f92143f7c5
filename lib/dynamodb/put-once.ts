import { randomUUID } from 'node:crypto';

import {
  ConditionalCheckFailedException,
  PutItemCommand,
  type DynamoDBClient,
  type PutItemCommandInput,
} from '@aws-sdk/client-dynamodb';

/**
 * Puts an item under a condition that holds only once. Succeeds even if the AWS SDK repeats the request because the
 * reply was lost: the attribute `writeId` of the stored item shows that the item is already stored. Throws
 * `ConditionalCheckFailedException`, with the stored item, if the condition fails because of another write.
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
