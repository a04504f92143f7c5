import { ConditionalCheckFailedException, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';

import { expiryAfter, expiryOfParts } from '../dynamodb/item.ts';
import { putOnce } from '../dynamodb/put-once.ts';
import { sendToDynamo } from '../dynamodb/send.ts';
import { deriveId } from '../events/message-id.ts';
import { recordMetrics } from '../runtime/metrics.ts';
import type { ArchivedMessage, DeadLetter } from './dead-letter.ts';
import { partNumber, toParts, versionOf } from './message-parts.ts';
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

  async function storeAs(id: string): Promise<boolean> {
    const stored = await storedHash(id);
    // A second copy of the dead letter may have other headers, but the parts that belong to the stored record must not change.
    if (stored === deadLetter.payloadHash) return false;
    // A different message with the same id is stored under another id.
    if (stored !== undefined) return storeAs(deriveId('dead-letter', id, deadLetter.payloadHash));
    const expiresAt = expiryAfter(retentionDays, Date.parse(deadLetter.archivedAt));
    const parts = toParts(message);
    const version = versionOf(parts);
    for (const [index, bytes] of parts.entries()) {
      const Item = {
        id: { S: id },
        part: { N: partNumber(version, index) },
        version: { S: version },
        bytes: { B: bytes },
        expiresAt: { N: expiryOfParts(expiresAt) },
      };
      await sendToDynamo(() => client.send(new PutItemCommand({ TableName, Item })), client);
    }
    const Item = toRecord({ ...deadLetter, id }, { parts: parts.length, version, expiresAt });
    try {
      await sendToDynamo(
        () => putOnce(client, { TableName, Item, ConditionExpression: 'attribute_not_exists(id)' }),
        client,
      );
    } catch (error) {
      // Another process has stored a dead letter with this id in the meantime, and its message may be a different one.
      if (error instanceof ConditionalCheckFailedException) return storeAs(id);
      throw error;
    }
    recordMetrics({ DeadLettersArchived: 1 }, { queue: deadLetter.queue ?? 'unknown' });
    return true;
  }

  return storeAs(deadLetter.id);
}
