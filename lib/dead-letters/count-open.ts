import { QueryCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';

import { tables } from '../../infra/tables.ts';
import { sendToDynamo, tableName } from '../dynamodb/send.ts';
import { LISTED_KIND } from './record.ts';

export interface OpenDeadLetters {
  /** By the queue that they came from; an empty name where nothing tells. */
  readonly byQueue: ReadonlyMap<string, number>;
  /** Older ones were not counted. */
  readonly isAtLeast: boolean;
}

/** Pages of 1 MB that are read at most. */
const MAX_PAGES = 10;

/** Counts the open dead letters of every queue, the newest first. */
export async function countOpen(): Promise<OpenDeadLetters> {
  const byQueue = new Map<string, number>();
  let from: Record<string, AttributeValue> | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const { Items: items = [], LastEvaluatedKey: last } = await sendToDynamo((store) =>
      store.send(
        new QueryCommand({
          TableName: tableName(tables['dead-letters']),
          IndexName: 'newest',
          KeyConditionExpression: '#kind = :kind',
          FilterExpression: '#status = :open',
          ProjectionExpression: '#queue',
          ExpressionAttributeNames: { '#kind': 'kind', '#status': 'status', '#queue': 'queue' },
          ExpressionAttributeValues: { ':kind': { S: LISTED_KIND }, ':open': { S: 'open' } },
          ScanIndexForward: false,
          ExclusiveStartKey: from,
        }),
      ),
    );
    for (const { queue } of items) byQueue.set(queue?.S ?? '', (byQueue.get(queue?.S ?? '') ?? 0) + 1);
    if (!last) return { byQueue, isAtLeast: false };
    from = last;
  }
  return { byQueue, isAtLeast: true };
}
