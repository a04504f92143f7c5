import { QueryCommand, type QueryCommandInput } from '@aws-sdk/client-dynamodb';

import { sendToDynamo } from '../dynamodb/send.ts';
import type { DeadLetter, DeadLetterStatus } from '../archive/dead-letter.ts';
import { fromRecord, LISTED_KIND, nameOf, RECORD_PART, type ArchiveTable, type Attributes } from '../archive/record.ts';

/** A filter for dead letters. A dead letter must match all given values. */
export interface Filter {
  readonly queue?: string;
  readonly code?: string;
  readonly type?: string;
  readonly group?: string;
  readonly client?: string;
  readonly status?: DeadLetterStatus;
  /**
   * A search text. Selects dead letters whose reason contains the text, or whose id, message id or correlation id
   * equals the text.
   */
  readonly text?: string;
  /** Selects messages that were dead-lettered at this time or later (ISO 8601 in UTC, with milliseconds). */
  readonly from?: string;
  /** Selects messages that were dead-lettered before this time (ISO 8601 in UTC, with milliseconds). */
  readonly to?: string;
}

/**
 * One page of dead letters, ordered by time. `after` is the position at which the next page starts; it is absent on the
 * last page.
 */
export interface Page {
  readonly deadLetters: readonly DeadLetter[];
  readonly after?: string;
}

/**
 * The maximum number of DynamoDB queries for one page of dead letters. If these queries find too few dead letters, the
 * page is shorter than requested.
 */
const MAX_QUERIES = 25;

const GROWTH = 4;

/** The maximum number of items per query. DynamoDB ends a query earlier if the items have more than 1 MB in total. */
const MAX_ITEMS_PER_QUERY = 10_000;

/**
 * Reads at most `limit` dead letters, newest first by default. The option `after` is the value `after` of the previous
 * page.
 */
export async function listDeadLetters(
  table: ArchiveTable,
  filter: Filter,
  { limit, after, oldestFirst = false }: { limit: number; after?: string; oldestFirst?: boolean },
): Promise<Page> {
  if (hasNoTime(filter)) return page([]);
  const found: Attributes[] = [];
  let from = after === undefined ? undefined : startKey(after);
  for (let query = 0; query < MAX_QUERIES; query += 1) {
    const input: QueryCommandInput = {
      TableName: nameOf(table),
      IndexName: 'newest',
      ScanIndexForward: oldestFirst,
      // The first query reads one item more than fits on the page, to find out whether there is a next page. If the filter
      // leaves out some of the items, each further query reads more items than the query before.
      Limit: Math.min((limit + 1 - found.length) * GROWTH ** query, MAX_ITEMS_PER_QUERY),
      ExclusiveStartKey: from,
      ...condition(filter),
    };
    const { Items: items = [], LastEvaluatedKey: last } = await sendToDynamo(
      (client) => client.send(new QueryCommand(input)),
      table.client,
    );
    found.push(...items);
    if (found.length > limit) return page(found.slice(0, limit), found[limit - 1]?.listedAt?.S);
    if (!last) return page(found);
    from = last;
  }
  return page(found, from?.listedAt?.S);
}

const page = (items: readonly Attributes[], after?: string): Page => ({ deadLetters: items.map(fromRecord), after });

export const hasNoTime = ({ from, to }: Filter): boolean => from !== undefined && to !== undefined && from >= to;

export function condition({ from, to, text, ...equal }: Filter): Partial<QueryCommandInput> {
  const given = (values: Record<string, string | undefined>) =>
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  const filters = given({ ...equal }).map(([name]) => `#${name} = :${name}`);
  if (text !== undefined)
    filters.push('(contains(reason, :text) OR messageId = :text OR correlationId = :text OR id = :text)');
  const range =
    from !== undefined && to !== undefined
      ? ' AND listedAt BETWEEN :from AND :to'
      : `${from === undefined ? '' : ' AND listedAt >= :from'}${to === undefined ? '' : ' AND listedAt < :to'}`;
  return {
    KeyConditionExpression: `#kind = :kind${range}`,
    FilterExpression: filters.join(' AND ') || undefined,
    ExpressionAttributeNames: {
      '#kind': 'kind',
      ...Object.fromEntries(given({ ...equal }).map(([name]) => [`#${name}`, name])),
    },
    ExpressionAttributeValues: {
      ':kind': { S: LISTED_KIND },
      ...Object.fromEntries(given({ ...equal, from, to, text }).map(([name, value]) => [`:${name}`, { S: value }])),
    },
  };
}

const startKey = (after: string): Attributes => ({
  kind: { S: LISTED_KIND },
  listedAt: { S: after },
  id: { S: after.slice(after.indexOf('#') + 1) },
  part: { N: String(RECORD_PART) },
});

/** Encodes the position of the next page as a paging token for a query string. Clients must not interpret the token. */
export const writeCursor = (after: string): string => Buffer.from(after).toString('base64url');

/** Decodes a paging token. Returns `undefined` if `writeCursor` did not create the token. */
export function readCursor(cursor: string): string | undefined {
  const after = Buffer.from(cursor, 'base64url').toString();
  const isPosition = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z#[\x21-\x7e]{1,255}$/.test(after);
  return isPosition && writeCursor(after) === cursor ? after : undefined;
}

/** Returns the newest dead letters of one message, from all queues. A very recent dead letter may be missing. */
export async function findByMessage(table: ArchiveTable, messageId: string): Promise<readonly DeadLetter[]> {
  const { Items: items = [] } = await sendToDynamo(
    (client) =>
      client.send(
        new QueryCommand({
          TableName: nameOf(table),
          IndexName: 'by-message',
          KeyConditionExpression: 'messageId = :messageId',
          ExpressionAttributeValues: { ':messageId': { S: messageId } },
          ScanIndexForward: false,
          Limit: 100,
        }),
      ),
    table.client,
  );
  return items.map(fromRecord);
}
