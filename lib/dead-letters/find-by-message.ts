import { QueryCommand } from '@aws-sdk/client-dynamodb';

import { tables } from '../../infra/tables.ts';
import { sendToDynamo, tableName } from '../dynamodb/send.ts';
import type { DeadLetter } from './dead-letter.ts';
import { fromRecord } from './record.ts';

/** The newest dead letters of a message, over all queues; as an index reads, a moment late at times. */
export async function findByMessage(messageId: string): Promise<readonly DeadLetter[]> {
  const { Items: items = [] } = await sendToDynamo((store) =>
    store.send(
      new QueryCommand({
        TableName: tableName(tables['dead-letters']),
        IndexName: 'by-message',
        KeyConditionExpression: 'messageId = :messageId',
        ExpressionAttributeValues: { ':messageId': { S: messageId } },
        ScanIndexForward: false,
        Limit: 100,
      }),
    ),
  );
  return items.map(fromRecord);
}
