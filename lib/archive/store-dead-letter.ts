import { ConditionalCheckFailedException, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';

import { expiryAfter } from '../dynamodb/item.ts';
import { sendToDynamo } from '../dynamodb/send.ts';
import { deriveId } from '../events/message-id.ts';
import { recordMetrics } from '../runtime/metrics.ts';
import type { ArchivedMessage, DeadLetter } from './dead-letter.ts';
import { toParts } from './message-parts.ts';
import { nameOf, recordKey, toRecord, type ArchiveTable } from './record.ts';

/**
 * Stores a dead letter and its message in the archive, byte for byte. Returns `false` and keeps the stored dead letter
 * unchanged if the archive already has it.
 */
export async function storeDeadLetter(
  deadLetter: DeadLetter,
  message: ArchivedMessage,
  table: ArchiveTable,
): Promise<boolean> {
  const TableName = nameOf(table);
  const { client, retentionDays } = table;

  async function storedHash(id: string): Promise<string | undefined> {
    const { Item: item } = await sendToDynamo(
      () =>
        client.send(
          new GetItemCommand({
            TableName,
            Key: recordKey(id),
            ProjectionExpression: 'payloadHash',
            ConsistentRead: true,
          }),
        ),
      client,
    );
    return item && (item.payloadHash?.S ?? '');
  }

  const put = (item: PutItemCommand['input']['Item'], condition?: string) =>
    sendToDynamo(
      () => client.send(new PutItemCommand({ TableName, Item: item, ConditionExpression: condition })),
      client,
    );

  async function storeAs(id: string): Promise<boolean> {
    const stored = await storedHash(id);
    // A second copy of the dead letter may have other headers, but the parts that belong to the stored record must not change.
    if (stored === deadLetter.payloadHash) return false;
    // A different message with the same id is stored under another id.
    if (stored !== undefined) return storeAs(deriveId('dead-letter', id, deadLetter.payloadHash));
    const expiresAt = Number(expiryAfter(retentionDays, Date.parse(deadLetter.archivedAt)));
    const parts = toParts(message);
    for (const [index, bytes] of parts.entries())
      await put({
        id: { S: id },
        part: { N: String(index + 1) },
        bytes: { B: bytes },
        expiresAt: { N: String(expiresAt) },
      });
    try {
      await put(toRecord({ ...deadLetter, id }, parts.length, expiresAt), 'attribute_not_exists(id)');
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
    recordMetrics({ DeadLettersArchived: 1 }, { queue: deadLetter.queue ?? 'unknown' });
    return true;
  }

  return storeAs(deadLetter.id);
}
