import { QueryCommand } from '@aws-sdk/client-dynamodb';

import { sendToDynamo } from '../dynamodb/send.ts';
import { LISTED_KIND, nameOf, type ArchiveTable, type Attributes } from '../archive/record.ts';

export interface OpenDeadLetters {
  /** The number of open dead letters per work queue. Dead letters without a known queue are counted under the empty name. */
  readonly byQueue: ReadonlyMap<string, number>;
  /** Whether the numbers of open dead letters are too low, because older dead letters were not counted. */
  readonly isAtLeast: boolean;
}

/** The maximum number of DynamoDB result pages (1 MB each) that one count of open dead letters reads. */
const MAX_PAGES = 10;

export async function countOpen(table: ArchiveTable, maxPages = MAX_PAGES): Promise<OpenDeadLetters> {
  const byQueue = new Map<string, number>();
  let from: Attributes | undefined;
  for (let page = 0; page < maxPages; page += 1) {
    const query = new QueryCommand({
      TableName: nameOf(table),
      IndexName: 'newest',
      KeyConditionExpression: '#kind = :kind',
      FilterExpression: '#status = :open',
      ProjectionExpression: '#queue',
      ExpressionAttributeNames: { '#kind': 'kind', '#status': 'status', '#queue': 'queue' },
      ExpressionAttributeValues: { ':kind': { S: LISTED_KIND }, ':open': { S: 'open' } },
      ScanIndexForward: false,
      ExclusiveStartKey: from,
    });
    const { Items: items = [], LastEvaluatedKey: last } = await sendToDynamo(
      (client) => client.send(query),
      table.client,
    );
    for (const { queue } of items) byQueue.set(queue?.S ?? '', (byQueue.get(queue?.S ?? '') ?? 0) + 1);
    if (!last) return { byQueue, isAtLeast: false };
    from = last;
  }
  return { byQueue, isAtLeast: true };
}
