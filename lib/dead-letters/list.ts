import { QueryCommand, type AttributeValue, type QueryCommandInput } from '@aws-sdk/client-dynamodb';

import { tables } from '../../infra/tables.ts';
import { sendToDynamo, tableName } from '../dynamodb/send.ts';
import type { DeadLetter, DeadLetterStatus } from './dead-letter.ts';
import { fromRecord, LISTED_KIND, RECORD_PART } from './record.ts';

export interface Filter {
  readonly queue?: string;
  readonly code?: string;
  readonly status?: DeadLetterStatus;
}

/** Dead letters in the order of their time. `after` stands where the next page begins; absent where nothing is left. */
export interface Page {
  readonly deadLetters: readonly DeadLetter[];
  readonly after?: string;
}

/** Requests that one page takes at most: what a filter leaves out is read all the same. */
const MAX_REQUESTS = 25;

/** Reads a page of at most `limit`; `after` is that of the page before. */
export async function listLetters(
  filter: Filter,
  { limit, after, oldestFirst = false }: { limit: number; after?: string; oldestFirst?: boolean },
): Promise<Page> {
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  const found: Record<string, AttributeValue>[] = [];
  let from = after === undefined ? undefined : startKey(after);
  for (let request = 0; request < MAX_REQUESTS; request += 1) {
    const { Items: items = [], LastEvaluatedKey: last } = await sendToDynamo((store) =>
      store.send(
        new QueryCommand({
          TableName: tableName(tables['dead-letters']),
          IndexName: 'newest',
          ScanIndexForward: oldestFirst,
          // One more than asked for tells whether there is a next page.
          Limit: isFiltered ? undefined : limit + 1 - found.length,
          ExclusiveStartKey: from,
          ...condition(filter),
        }),
      ),
    );
    found.push(...items);
    if (found.length > limit) return page(found.slice(0, limit), found[limit - 1]?.listedAt?.S);
    if (!last) return page(found);
    from = last;
  }
  return page(found, from?.listedAt?.S);
}

const page = (items: readonly Record<string, AttributeValue>[], after?: string): Page => ({
  deadLetters: items.map(fromRecord),
  after,
});

function condition(filter: Filter): Partial<QueryCommandInput> {
  const given = Object.entries(filter).flatMap(([name, value]: [string, string | undefined]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return {
    KeyConditionExpression: '#kind = :kind',
    FilterExpression: given.map(([name]) => `#${name} = :${name}`).join(' AND ') || undefined,
    ExpressionAttributeNames: {
      '#kind': 'kind',
      ...Object.fromEntries(given.map(([name]) => [`#${name}`, name])),
    },
    ExpressionAttributeValues: {
      ':kind': { S: LISTED_KIND },
      ...Object.fromEntries(given.map(([name, value]) => [`:${name}`, { S: value }])),
    },
  };
}

/** Where the item whose `listedAt` is `after` stands in the index. */
const startKey = (after: string): Record<string, AttributeValue> => ({
  kind: { S: LISTED_KIND },
  listedAt: { S: after },
  id: { S: after.slice(after.indexOf('#') + 1) },
  part: { N: String(RECORD_PART) },
});
