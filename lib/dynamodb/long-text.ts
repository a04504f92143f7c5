import { randomUUID } from 'node:crypto';

import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';

import { StoreUnavailableError } from '../runtime/errors.ts';
import { batchGet } from './batch-get.ts';
import type { Attributes } from './item.ts';
import { conditionalWrite, withRetries } from './retry-policy.ts';
import type { Store } from './store.ts';

/** Identifies one writing of a text. */
export interface TextVersion {
  readonly id: string;
  /** Items that hold the text besides its head; 0 where the head holds it. */
  readonly parts: number;
}

/** A text under one key that may be longer than the 400 KB of one item. */
export interface LongText {
  readonly text: string;
  readonly version: TextVersion;
}

/** Bytes of text in one item: DynamoDB counts the key and the names of the attributes too. */
const PART_BYTES = 300 * 1024;
const CONCURRENT_REQUESTS = 8;
/** A text that was replaced between reading its head and its parts is read again so often. */
const MAX_READS = 5;
/** Parts expire later than the head that names them. */
const PARTS_EXPIRE_LATER_SECONDS = 86_400;

const headKey = (pk: string): Attributes => ({ pk: { S: pk } });
const partKeys = ({ id, parts }: TextVersion): Attributes[] =>
  Array.from({ length: parts }, (_, n) => ({ pk: { S: `!part#${id}#${n}` } }));

const versionOf = ({ version, parts }: Attributes): TextVersion => ({
  id: version?.S ?? '',
  parts: Number(parts?.N ?? 0),
});

/** The texts that `table` has under these keys, each named once. Throws `StoreUnavailableError`. */
export async function readTexts(
  { client, retryPolicy }: Store,
  table: string,
  pks: readonly string[],
): Promise<Map<string, LongText>> {
  const texts = new Map<string, LongText>();
  const seenIncomplete = new Set<string>();
  let left = pks;
  for (let reads = 0; left.length > 0; reads += 1) {
    if (reads >= MAX_READS) throw new StoreUnavailableError({ cause: new Error(`${left[0]} keeps changing`) });
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
      // The head was replaced before its parts were read: they are removed after it. Or the parts have expired.
      if (!isComplete && !seenIncomplete.has(version.id)) {
        seenIncomplete.add(version.id);
        return [pk];
      }
      const text = version.parts === 0 ? (head['text']?.S ?? '') : isComplete ? Buffer.concat(mine).toString() : '';
      texts.set(pk, { text, version });
      return [];
    });
  }
  return texts;
}

/**
 * Writes a text in place of the one of the version `before`, or where none is; `undefined` where another process has changed
 * it meanwhile. The head is written last and its parts are removed after it: a process that dies between any two requests
 * leaves the old text or the new one, and at most parts that nobody reads and that expire. Throws `StoreUnavailableError`.
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
  const partsExpireAt = { N: String(Number(expiresAt) + PARTS_EXPIRE_LATER_SECONDS) };
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
    // The own version passes too: the answer to an earlier attempt at this request may have been lost.
    ConditionExpression: before ? '#version IN (:own, :before)' : 'attribute_not_exists(#version) OR #version = :own',
    ExpressionAttributeNames: { '#version': 'version' },
    ExpressionAttributeValues: { ':own': { S: version.id }, ...(before && { ':before': { S: before.id } }) },
  });
  const isWritten = await conditionalWrite(() => client.send(head), retryPolicy);
  await removeParts(store, table, isWritten ? before : version);
  return isWritten ? version : undefined;
}

/** Removes the text of this version; `false` where another one is there by now. Throws `StoreUnavailableError`. */
export async function removeText(store: Store, table: string, pk: string, before: TextVersion): Promise<boolean> {
  const { client, retryPolicy } = store;
  const command = new DeleteItemCommand({
    TableName: table,
    Key: headKey(pk),
    // Nothing there passes too: the answer to an earlier attempt at this request may have been lost.
    ConditionExpression: 'attribute_not_exists(#version) OR #version = :before',
    ExpressionAttributeNames: { '#version': 'version' },
    ExpressionAttributeValues: { ':before': { S: before.id } },
  });
  const isRemoved = await conditionalWrite(() => client.send(command), retryPolicy);
  if (isRemoved) await removeParts(store, table, before);
  return isRemoved;
}

/** Parts that cannot be removed now expire. */
async function removeParts({ client }: Store, table: string, version: TextVersion | undefined): Promise<void> {
  const remove = (Key: Attributes) => client.send(new DeleteItemCommand({ TableName: table, Key })).catch(() => {});
  if (version) await pMap(partKeys(version), remove, { concurrency: CONCURRENT_REQUESTS });
}
