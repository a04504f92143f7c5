import { QueryCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';

import { tables } from '../../infra/tables.ts';
import { Problem } from '../http/problem.ts';
import { sendToDynamo, tableName } from '../dynamodb/send.ts';
import type { DeadLetter, ArchivedMessage } from './dead-letter.ts';
import { fromParts } from './message-parts.ts';
import { fromRecord, RECORD_PART } from './record.ts';

/** A dead letter with its message, strongly consistent; a problem where there is none. */
export async function readLetter(id: string): Promise<{ deadLetter: DeadLetter; letter: ArchivedMessage }> {
  const items: Record<string, AttributeValue>[] = [];
  let from: Record<string, AttributeValue> | undefined;
  do {
    const page = await sendToDynamo((store) =>
      store.send(
        new QueryCommand({
          TableName: tableName(tables['dead-letters']),
          KeyConditionExpression: 'id = :id',
          ExpressionAttributeValues: { ':id': { S: id } },
          ConsistentRead: true,
          ExclusiveStartKey: from,
        }),
      ),
    );
    items.push(...(page.Items ?? []));
    from = page.LastEvaluatedKey;
  } while (from);
  const [record, ...parts] = items;
  // Parts without a record are of a letter that is still being stored.
  if (record?.part?.N !== String(RECORD_PART)) throw new Problem('not-found', 'There is no dead letter with this id.');
  const deadLetter = fromRecord(record);
  const bytes = parts.slice(0, Number(record.parts?.N)).map((part) => part.bytes?.B ?? new Uint8Array());
  return { deadLetter, letter: fromParts(bytes, deadLetter.bodyBytes) };
}
