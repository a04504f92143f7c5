import { randomUUID } from 'node:crypto';

import {
  ConditionalCheckFailedException,
  PutItemCommand,
  type DynamoDBClient,
  type PutItemCommandInput,
} from '@aws-sdk/client-dynamodb';

/**
 * Puts an item under a condition that does not hold for the stored item, for example that no item exists. If a reply is
 * lost, the AWS SDK repeats the request, and the condition fails because of the first request. The call still succeeds,
 * because the attribute `writeId` shows that this call stored the item. Throws `ConditionalCheckFailedException`, with
 * the stored item, if another write makes the condition fail.
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
