import { BatchWriteItemCommand, ScanCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { TABLE_PREFIX } from './system.ts';

type Attributes = Record<string, AttributeValue>;

export interface Found {
  /**
   * The markers in the inbox table that record processed messages. Each key consists of the name of a consumer and the
   * id of a message.
   */
  readonly markers: ReadonlyMap<string, FoundMarker>;
  readonly deadLetters: readonly FoundDeadLetter[];
  readonly stock: ReadonlyMap<string, number>;
  readonly points: ReadonlyMap<string, number>;
}

interface FoundMarker {
  readonly consumer: string;
  readonly id: string;
  readonly state: string;
  readonly followUps: readonly string[];
}

export interface FoundDeadLetter {
  readonly id: string;
  readonly messageId?: string;
  readonly queue?: string;
  readonly code: string;
  readonly payloadHash: string;
}

export const markerKey = (consumer: string, id: string) => `${consumer}#${id}`;

export async function observe(client: DynamoDBClient): Promise<Found> {
  // The inbox is read first, so that the effects of every message in it are visible in the other tables.
  const inbox = await scan(client, 'inbox', 'pk, #state, events', { '#state': 'state' });
  const [archive, stock, points] = await Promise.all([
    scan(client, 'dead-letters', 'id, part, messageId, #queue, code, payloadHash, #status', {
      '#queue': 'queue',
      '#status': 'status',
    }),
    scan(client, 'stock'),
    scan(client, 'points'),
  ]);
  return {
    // The ids of the inbox's other records, such as blocked keys, begin with "!".
    markers: new Map(
      inbox.filter(({ pk }) => !pk?.S?.startsWith('!')).map((item) => [item.pk?.S ?? '', toMarker(item)]),
    ),
    deadLetters: archive
      .filter(({ part, status }) => part?.N === '0' && status?.S === 'open')
      .map(({ id, messageId, queue, code, payloadHash }) => ({
        id: id?.S ?? '',
        messageId: messageId?.S,
        queue: queue?.S,
        code: code?.S ?? '',
        payloadHash: payloadHash?.S ?? '',
      })),
    stock: new Map(stock.map(({ sku, available }) => [sku?.S ?? '', Number(available?.N)])),
    points: new Map(points.map(({ customerId, points }) => [customerId?.S ?? '', Number(points?.N)])),
  };
}

function toMarker(item: Attributes): FoundMarker {
  const key = item.pk?.S ?? '';
  const cut = key.indexOf('#');
  const events = JSON.parse(item.events?.S || '[]') as { id: string }[];
  return {
    consumer: key.slice(0, cut),
    id: key.slice(cut + 1),
    state: item.state?.S ?? '',
    followUps: events.map(({ id }) => id),
  };
}

async function scan(
  client: DynamoDBClient,
  table: string,
  projection?: string,
  names?: Record<string, string>,
): Promise<Attributes[]> {
  const items: Attributes[] = [];
  let from: Attributes | undefined;
  do {
    const page = await client.send(
      new ScanCommand({
        TableName: TABLE_PREFIX + table,
        ConsistentRead: true,
        ProjectionExpression: projection,
        ExpressionAttributeNames: names,
        ExclusiveStartKey: from,
      }),
    );
    items.push(...(page.Items ?? []));
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  return items;
}

const ITEMS_PER_WRITE = 25;

export async function putStock(client: DynamoDBClient, stock: ReadonlyMap<string, number>): Promise<void> {
  const requests = [...stock].map(([sku, available]) => ({
    PutRequest: { Item: { sku: { S: sku }, available: { N: String(available) } } },
  }));
  for (let from = 0; from < requests.length; from += ITEMS_PER_WRITE)
    await client.send(
      new BatchWriteItemCommand({
        RequestItems: { [`${TABLE_PREFIX}stock`]: requests.slice(from, from + ITEMS_PER_WRITE) },
      }),
    );
}
