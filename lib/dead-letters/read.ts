import { QueryCommand, type QueryCommandInput } from '@aws-sdk/client-dynamodb';

import { sendToDynamo } from '../dynamodb/send.ts';
import { Problem } from '../http/problem.ts';
import type { ArchivedMessage, DeadLetter } from '../archive/dead-letter.ts';
import { fromParts } from '../archive/message-parts.ts';
import { fromRecord, nameOf, RECORD_PART, type ArchiveTable, type Attributes } from '../archive/record.ts';

/**
 * Reads a dead letter and its message, using strongly consistent reads. Throws the problem `not-found` if no dead letter
 * has this id, or if the dead letter has expired.
 */
export async function readDeadLetter(
  table: ArchiveTable,
  id: string,
): Promise<{ deadLetter: DeadLetter; message: ArchivedMessage }> {
  const items: Attributes[] = [];
  let from: Attributes | undefined;
  do {
    const input: QueryCommandInput = {
      TableName: nameOf(table),
      KeyConditionExpression: 'id = :id',
      ExpressionAttributeValues: { ':id': { S: id } },
      ConsistentRead: true,
      ExclusiveStartKey: from,
    };
    const page = await sendToDynamo((client) => client.send(new QueryCommand(input)), table.client);
    items.push(...(page.Items ?? []));
    from = page.LastEvaluatedKey;
  } while (from);
  const [record, ...parts] = items;
  // If there are message parts but no record, the dead letter is still being stored.
  if (record?.part?.N !== String(RECORD_PART)) throw notFound();
  const deadLetter = fromRecord(record);
  // The other parts belong to messages that were never stored completely. Earlier releases wrote no versions.
  const own = parts.filter(({ version }) => version?.S === record.version?.S).slice(0, Number(record.parts?.N));
  // Records of earlier releases expire at the same time as the parts, and DynamoDB deletes them one by one.
  if (own.length < Number(record.parts?.N)) throw notFound();
  const bytes = own.map((part) => part.bytes?.B ?? new Uint8Array());
  return { deadLetter, message: fromParts(bytes, deadLetter.bodyBytes) };
}

const notFound = () => new Problem('not-found', 'There is no dead letter with this id.');
