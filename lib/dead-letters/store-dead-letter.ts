import {
  ConditionalCheckFailedException,
  GetItemCommand,
  PutItemCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';

import { config } from '../runtime/config.ts';
import { sendToDynamo } from '../dynamodb/send.ts';
import { store } from '../dynamodb/store.ts';
import { defineTables } from '../dynamodb/tables.ts';
import { deriveId } from '../events/message-id.ts';
import { count } from '../runtime/metrics.ts';
import type { DeadLetter, ArchivedMessage } from './dead-letter.ts';
import { toParts } from './message-parts.ts';
import { recordKey, toRecord } from './record.ts';

const { 'dead-letters': ARCHIVE_TABLE } = defineTables('dead-letters');

/** Where dead letters are kept. */
export interface Archive {
  readonly client: DynamoDBClient;
  readonly tablePrefix: string;
  readonly retentionDays: number;
}

const archive = (): Archive => {
  const { TABLE_PREFIX: tablePrefix, ARCHIVE_RETENTION_DAYS: retentionDays } = config();
  return { client: store(), tablePrefix, retentionDays };
};

/**
 * Stores a dead letter, its message byte for byte, and counts it for the alarms, whichever way it came; `false` where it is there
 * already, with whatever was done about it. The record comes last: where it is, the whole message is.
 */
export async function storeDeadLetter(
  deadLetter: DeadLetter,
  letter: ArchivedMessage,
  { client, tablePrefix, retentionDays }: Archive = archive(),
): Promise<boolean> {
  const TableName = tablePrefix + ARCHIVE_TABLE;

  /** The hash of the body that is stored under an id, if one is. */
  async function storedHash(id: string): Promise<string | undefined> {
    const { Item: item } = await sendToDynamo(
      (store) =>
        store.send(
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
      (store) => store.send(new PutItemCommand({ TableName, Item: item, ConditionExpression: condition })),
      client,
    );

  async function storeAs(id: string): Promise<boolean> {
    const stored = await storedHash(id);
    // Another copy of the same dead letter may have other headers: once there is a record, its parts stay as they are.
    if (stored === deadLetter.payloadHash) return false;
    // Another message that claims the same id is another dead letter.
    if (stored !== undefined) return storeAs(deriveId('dead-letter', id, deadLetter.payloadHash));
    const expiresAt = Math.floor(Date.parse(deadLetter.archivedAt) / 1_000) + retentionDays * 86_400;
    const parts = toParts(letter);
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
    count('DeadLettersArchived', 1, { queue: deadLetter.queue ?? 'unknown' });
    return true;
  }

  return storeAs(deadLetter.id);
}
