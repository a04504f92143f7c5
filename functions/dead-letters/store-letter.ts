import { ConditionalCheckFailedException, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';

import { tables } from '../../infra/tables.ts';
import { config } from '../../lib/config.ts';
import { ask, tableName } from '../../lib/inbox/ask.ts';
import type { DeadLetter, Letter } from './dead-letter.ts';
import { noteValues } from './known-values.ts';
import { toParts } from './parts.ts';
import { recordKey, toRecord } from './record.ts';

/**
 * Stores a dead letter, its message byte for byte; `false` where it is there already, with whatever was done about it.
 * The record comes last: where it is, the whole message is.
 */
export async function storeLetter(deadLetter: DeadLetter, letter: Letter): Promise<boolean> {
  const { id } = deadLetter;
  if (await isStored(id)) return false;
  await noteValues(deadLetter);
  const expiresAt = Math.floor(Date.parse(deadLetter.archivedAt) / 1_000) + config().ARCHIVE_RETENTION_DAYS * 86_400;
  const parts = toParts(letter);
  for (const [index, bytes] of parts.entries())
    await put({
      id: { S: id },
      part: { N: String(index + 1) },
      bytes: { B: bytes },
      expiresAt: { N: String(expiresAt) },
    });
  try {
    await put(toRecord(deadLetter, parts.length, expiresAt), 'attribute_not_exists(id)');
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** Another copy of the same dead letter may have other headers: once there is a record, its parts stay as they are. */
async function isStored(id: string): Promise<boolean> {
  const { Item: item } = await ask((store) =>
    store.send(
      new GetItemCommand({
        TableName: tableName(tables['dead-letters']),
        Key: recordKey(id),
        ProjectionExpression: 'id',
        ConsistentRead: true,
      }),
    ),
  );
  return item !== undefined;
}

const put = (item: PutItemCommand['input']['Item'], condition?: string) =>
  ask((store) =>
    store.send(
      new PutItemCommand({ TableName: tableName(tables['dead-letters']), Item: item, ConditionExpression: condition }),
    ),
  );
