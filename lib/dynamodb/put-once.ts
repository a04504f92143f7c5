import { randomUUID } from 'node:crypto';

import {
  ConditionalCheckFailedException,
  PutItemCommand,
  type DynamoDBClient,
  type PutItemCommandInput,
} from '@aws-sdk/client-dynamodb';

/**
 * Puts an item under a condition that fails once the item is stored. If a reply is lost and the AWS SDK repeats the
 * request, the condition fails because of the first request. The attribute `writeId` then shows that this call has
 * stored the item, and the call succeeds. Throws `ConditionalCheckFailedException`, with the stored item, if the
 * condition fails because of another write.
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
