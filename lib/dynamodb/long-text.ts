import { randomUUID } from 'node:crypto';

import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';

import { StoreUnavailableError } from '../runtime/errors.ts';
import { batchGet } from './batch-get.ts';
import { expiryOfParts, type Attributes } from './item.ts';
import { conditionalWrite, withRetries } from './retry-policy.ts';
import type { Store } from './store.ts';

export interface TextVersion {
  readonly id: string;
  /**
   * The number of DynamoDB items, besides the head item, that contain the parts of a long text. The number is 0 if the
   * head item contains the whole text.
   */
  readonly parts: number;
}

/**
 * A text that may be too long for one DynamoDB item (400 KB). A long text is split over several items, and its first
 * item (the head item) refers to the others.
 */
export interface LongText {
  /** The text, assembled from its parts. `undefined` if a DynamoDB item with a part of the text no longer exists. */
  readonly text: string | undefined;
  readonly version: TextVersion;
}

/**
 * The maximum number of bytes of a long text in one DynamoDB item. DynamoDB's limit of 400 KB also counts the key and
 * the attribute names.
 */
const PART_BYTES = 300 * 1024;
const CONCURRENT_REQUESTS = 8;
const MAX_READS = 5;

const headKey = (pk: string): Attributes => ({ pk: { S: pk } });
const partKeys = ({ id, parts }: TextVersion): Attributes[] =>
  Array.from({ length: parts }, (_, n) => ({ pk: { S: `!part#${id}#${n}` } }));

const versionOf = ({ version, parts }: Attributes): TextVersion => ({
  id: version?.S ?? '',
  parts: Number(parts?.N ?? 0),
});

/**
 * Reads texts, each of which may be split over several DynamoDB items. `pks` contains the partition key of the first
 * item of each text, without duplicates. Throws `StoreUnavailableError` if DynamoDB is unavailable.
 */
export async function readTexts(
  { client, retryPolicy }: Store,
  table: string,
  pks: readonly string[],
): Promise<Map<string, LongText>> {
  const texts = new Map<string, LongText>();
  const seenIncomplete = new Set<string>();
  let left = pks;
  for (let reads = 0; left.length > 0; reads += 1) {
    if (reads >= MAX_READS)
      throw new StoreUnavailableError({
        cause: new Error(
          `the text with the key ${left[0]} in the table ${table} cannot be read, because other processes replaced it during each of ${MAX_READS} reads`,
        ),
      });
    const heads = await batchGet(client, table, left.map(headKey), retryPolicy);
    const keys = heads.flatMap((head) => partKeys(versionOf(head)));
    const parts = new Map<string | undefined, Uint8Array>();
    if (keys.length > 0)
      for (const { pk, bytes } of await batchGet(client, table, keys, retryPolicy)) parts.set(pk?.S, bytes!.B!);
    left = heads.flatMap((head) => {
      const pk = head['pk']!.S!;
      const version = versionOf(head);
      const mine = partKeys(version).flatMap((key) => parts.get(key['pk']!.S) ?? []);
      const isComplete = mine.length === version.parts;
      // Either another process has replaced the head and deleted these parts, or the parts have expired.
      if (!isComplete && !seenIncomplete.has(version.id)) {
        seenIncomplete.add(version.id);
        return [pk];
      }
      const text = version.parts === 0 ? head['text']?.S : isComplete ? Buffer.concat(mine).toString() : undefined;
      texts.set(pk, { text, version });
      return [];
    });
  }
  return texts;
}

/**
 * Writes a text, which is split over several DynamoDB items if necessary. Replaces the stored text if it still has the
 * version `before`, or creates the text if `before` is `undefined`. Returns the new version, or `undefined` if another
 * process has written the text in the meantime. Throws `StoreUnavailableError` if DynamoDB is unavailable.
 */
export async function writeText(
  store: Store,
  table: string,
  pk: string,
  text: string,
  { before, expiresAt }: { readonly before: TextVersion | undefined; readonly expiresAt: string },
): Promise<TextVersion | undefined> {
  const { client, retryPolicy } = store;
  const bytes = Buffer.from(text);
  const version = { id: randomUUID(), parts: bytes.length <= PART_BYTES ? 0 : Math.ceil(bytes.length / PART_BYTES) };
  const partsExpireAt = { N: expiryOfParts(expiresAt) };
  await pMap(
    partKeys(version),
    async (key, n) => {
      const B = bytes.subarray(n * PART_BYTES, (n + 1) * PART_BYTES);
      const Item = { ...key, bytes: { B }, expiresAt: partsExpireAt };
      await withRetries(() => client.send(new PutItemCommand({ TableName: table, Item })), retryPolicy);
    },
    { concurrency: CONCURRENT_REQUESTS },
  );
  const head = new PutItemCommand({
    TableName: table,
    Item: {
      ...headKey(pk),
      version: { S: version.id },
      expiresAt: { N: expiresAt },
      ...(version.parts === 0 ? { text: { S: text } } : { parts: { N: String(version.parts) } }),
    },
    // The condition also accepts the version of this write itself, because the reply to an earlier attempt may have been lost.
    ConditionExpression: before ? '#version IN (:own, :before)' : 'attribute_not_exists(#version) OR #version = :own',
    ExpressionAttributeNames: { '#version': 'version' },
    ExpressionAttributeValues: { ':own': { S: version.id }, ...(before && { ':before': { S: before.id } }) },
  });
  // A crash before this write leaves the old text, and a crash after it leaves the new text.
  const isWritten = await conditionalWrite(() => client.send(head), retryPolicy);
  await removeParts(store, table, isWritten ? before : version);
  return isWritten ? version : undefined;
}

/**
 * Deletes the DynamoDB items of a long text if the text still has the version `before`. Returns `false`, and deletes
 * nothing, if it has another version. Throws `StoreUnavailableError` if DynamoDB is unavailable.
 */
export async function removeText(store: Store, table: string, pk: string, before: TextVersion): Promise<boolean> {
  const { client, retryPolicy } = store;
  const command = new DeleteItemCommand({
    TableName: table,
    Key: headKey(pk),
    // The condition also accepts a missing item, because the reply to an earlier attempt may have been lost.
    ConditionExpression: 'attribute_not_exists(#version) OR #version = :before',
    ExpressionAttributeNames: { '#version': 'version' },
    ExpressionAttributeValues: { ':before': { S: before.id } },
  });
  const isRemoved = await conditionalWrite(() => client.send(command), retryPolicy);
  if (isRemoved) await removeParts(store, table, before);
  return isRemoved;
}

async function removeParts({ client }: Store, table: string, version: TextVersion | undefined): Promise<void> {
  const remove = (Key: Attributes) => client.send(new DeleteItemCommand({ TableName: table, Key })).catch(() => {});
  if (version) await pMap(partKeys(version), remove, { concurrency: CONCURRENT_REQUESTS });
}
