import {
  ConditionalCheckFailedException,
  GetItemCommand,
  QueryCommand,
  UpdateItemCommand,
  type AttributeValue,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';

import { expiryAfter, expiryOfParts } from '../dynamodb/item.ts';
import { sendToDynamo } from '../dynamodb/send.ts';
import type { MessageId } from '../events/message-id.ts';
import { shortText } from '../runtime/short-text.ts';
import type { ArchivedMessage } from '../archive/dead-letter.ts';
import { fromParts, toParts } from '../archive/message-parts.ts';
import { nameOf, type ArchiveTable, type Attributes } from '../archive/record.ts';

/** A message that an operator created by editing a dead letter. */
export interface EditedMessage {
  readonly messageId: MessageId;
  readonly deadLetterId: string;
  readonly queue: string;
  /**
   * The shard to which the edited message is published. If the shard is absent, the key of the message selects the
   * shard.
   */
  readonly shard?: string;
  readonly at: string;
  readonly status: 'pending' | 'published' | 'dead-lettered';
  /**
   * The time (ISO 8601) at which the broker confirmed the edited message, or at which the message was archived as a
   * dead letter because it cannot be published.
   */
  readonly publishedAt?: string;
  /** Why the last attempt to publish the edited message failed. */
  readonly error?: string;
}

interface StoredEditedMessage {
  readonly edited: EditedMessage;
  readonly message: ArchivedMessage;
}

const EDITED_PART = '-3';

/** The partition key value that all unpublished edited messages share in the index `newest`. */
const PENDING_KIND = 'pending-edit';

/**
 * The prefix of the partition keys of edited messages. The partition key of a dead letter is its id, which never
 * contains `#`, so the two kinds of keys cannot be equal.
 */
const PARTITION = 'edit#';

const partitionOf = (messageId: MessageId): AttributeValue => ({ S: PARTITION + messageId });

const keyOf = (messageId: MessageId): Attributes => ({ id: partitionOf(messageId), part: { N: EDITED_PART } });

/**
 * Returns the DynamoDB writes that store an edited message as pending, that is, as not yet published. A pending message
 * never expires.
 */
export function pendingWrites(
  table: ArchiveTable,
  edited: Omit<EditedMessage, 'status' | 'publishedAt' | 'error'>,
  message: ArchivedMessage,
): TransactWriteItem[] {
  const TableName = nameOf(table);
  const { messageId, deadLetterId, queue, shard, at } = edited;
  const parts = toParts(message);
  const record = {
    ...keyOf(messageId),
    kind: { S: PENDING_KIND },
    listedAt: { S: `${at}#${messageId}` },
    deadLetterId: { S: deadLetterId },
    queue: { S: queue },
    ...(shard !== undefined && { shard: { S: shard } }),
    at: { S: at },
    status: { S: 'pending' },
    bodyBytes: { N: String(message.body.length) },
    parts: { N: String(parts.length) },
  };
  return [
    { Put: { TableName, Item: record, ConditionExpression: 'attribute_not_exists(id)' } },
    ...parts.map((bytes, index) => ({
      Put: {
        TableName,
        Item: { id: partitionOf(messageId), part: { N: String(index + 1) }, bytes: { B: bytes } },
      },
    })),
  ];
}

/**
 * Reads an edited message, using a strongly consistent read. Returns `undefined` if no edited message has this id, or if
 * the edited message has expired.
 */
export async function readEdited(table: ArchiveTable, messageId: MessageId): Promise<StoredEditedMessage | undefined> {
  const query = (from?: Attributes) =>
    new QueryCommand({
      TableName: nameOf(table),
      KeyConditionExpression: 'id = :id',
      ExpressionAttributeValues: { ':id': partitionOf(messageId) },
      ConsistentRead: true,
      ExclusiveStartKey: from,
    });
  const items: Attributes[] = [];
  let from: Attributes | undefined;
  do {
    const page = await sendToDynamo((client) => client.send(query(from)), table.client);
    items.push(...(page.Items ?? []));
    from = page.LastEvaluatedKey;
  } while (from);
  const [record, ...parts] = items;
  if (record?.part?.N !== EDITED_PART) return undefined;
  // DynamoDB deletes expired items one by one.
  if (parts.length < Number(record.parts?.N)) return undefined;
  const bytes = parts.map((part) => part.bytes?.B ?? new Uint8Array());
  return { edited: fromItem(record), message: fromParts(bytes, Number(record.bodyBytes?.N)) };
}

/**
 * Returns the record of an edited message, without its body, or `undefined` if no edited message has the id
 * `messageId`.
 */
export async function findEdited(table: ArchiveTable, messageId: MessageId): Promise<EditedMessage | undefined> {
  const { Item: item } = await sendToDynamo(
    (client) => client.send(new GetItemCommand({ TableName: nameOf(table), Key: keyOf(messageId) })),
    table.client,
  );
  return item && fromItem(item);
}

/**
 * Returns the ids of the edited messages that are not published yet, oldest first. The id of a very recent message may
 * be missing, because the index is eventually consistent.
 */
export async function* listPending(table: ArchiveTable, createdBefore: string): AsyncGenerator<MessageId> {
  let from: Attributes | undefined;
  do {
    const query = new QueryCommand({
      TableName: nameOf(table),
      IndexName: 'newest',
      KeyConditionExpression: 'kind = :kind AND listedAt < :before',
      ExpressionAttributeValues: { ':kind': { S: PENDING_KIND }, ':before': { S: createdBefore } },
      ScanIndexForward: true,
      Limit: 100,
      ExclusiveStartKey: from,
    });
    const { Items: items = [], LastEvaluatedKey: last } = await sendToDynamo(
      (client) => client.send(query),
      table.client,
    );
    for (const item of items) yield fromItem(item).messageId;
    from = last;
  } while (from);
}

/**
 * Records that an edited message was published or became a dead letter. From now on, the archive keeps the edited
 * message for the same retention period as a new dead letter.
 */
export async function recordPublished(
  table: ArchiveTable,
  { messageId }: Pick<EditedMessage, 'messageId'>,
  status: Exclude<EditedMessage['status'], 'pending'>,
  message: ArchivedMessage,
  nowMs: number,
): Promise<void> {
  const parts = toParts(message).length;
  const expiry = expiryAfter(table.retentionDays, nowMs);
  const partExpiry = { ':expiry': { N: expiryOfParts(expiry) } };
  // If the process dies before the last write, the message is still pending, and is published again with the same id.
  for (let part = 1; part <= parts; part += 1)
    await update(
      table,
      { id: partitionOf(messageId), part: { N: String(part) } },
      'SET expiresAt = :expiry',
      partExpiry,
    );
  await update(
    table,
    keyOf(messageId),
    'SET #status = :status, publishedAt = :at, expiresAt = :expiry REMOVE kind, listedAt, #error',
    { ':expiry': { N: expiry }, ':status': { S: status }, ':at': { S: new Date(nowMs).toISOString() } },
    { '#status': 'status', '#error': 'error' },
  );
}

/**
 * Stores the error of a failed attempt to publish an edited message, unless the message was published in the meantime.
 */
export const recordFailure = (table: ArchiveTable, { messageId }: Pick<EditedMessage, 'messageId'>, error: string) =>
  update(
    table,
    keyOf(messageId),
    'SET #error = :error',
    { ':error': { S: shortText(error, 1_000) }, ':pending': { S: 'pending' } },
    { '#error': 'error', '#status': 'status' },
    'attribute_exists(id) AND #status = :pending',
  );

async function update(
  table: ArchiveTable,
  key: Attributes,
  expression: string,
  values: Record<string, AttributeValue>,
  names?: Record<string, string>,
  condition = 'attribute_exists(id)',
): Promise<void> {
  const command = new UpdateItemCommand({
    TableName: nameOf(table),
    Key: key,
    UpdateExpression: expression,
    ConditionExpression: condition,
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
  });
  try {
    await sendToDynamo((client) => client.send(command), table.client);
  } catch (error) {
    // Without the condition, the write would create an item if the message has expired in the meantime.
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
}

function fromItem(item: Attributes): EditedMessage {
  const text = (name: string) => item[name]?.S;
  return {
    messageId: (text('id') ?? '').slice(PARTITION.length) as MessageId,
    deadLetterId: text('deadLetterId') ?? '',
    queue: text('queue') ?? '',
    shard: text('shard'),
    at: text('at') ?? '',
    status: (text('status') ?? 'pending') as EditedMessage['status'],
    publishedAt: text('publishedAt'),
    error: text('error'),
  };
}
