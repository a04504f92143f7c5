import { randomUUID } from 'node:crypto';

import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';

import { StoreUnavailableError } from '../runtime/errors.ts';
import { batchGet } from './batch-get.ts';
import type { Attributes } from './item.ts';
import { conditionalWrite, withRetries } from './retry-policy.ts';
import type { Store } from './store.ts';

/** Identifies the write that stored a text. */
export interface TextVersion {
  readonly id: string;
  /** How many items hold the text. 0 if the head item itself holds the text. */
  readonly parts: number;
}

/** A text that may be longer than the 400 KB of one item. A head item names the items that hold its parts. */
export interface LongText {
  readonly text: string;
  readonly version: TextVersion;
}

/** Below the 400 KB of an item, because DynamoDB counts the key and the names of the attributes too. */
const PART_BYTES = 300 * 1024;
const CONCURRENT_REQUESTS = 8;
/** How often a text is read if another process keeps replacing it between the read of its head and of its parts. */
const MAX_READS = 5;
/** Parts expire later than their head, so that a head never names parts that have expired. */
const PARTS_EXPIRE_LATER_SECONDS = 86_400;

const headKey = (pk: string): Attributes => ({ pk: { S: pk } });
const partKeys = ({ id, parts }: TextVersion): Attributes[] =>
  Array.from({ length: parts }, (_, n) => ({ pk: { S: `!part#${id}#${n}` } }));

const versionOf = ({ version, parts }: Attributes): TextVersion => ({
  id: version?.S ?? '',
  parts: Number(parts?.N ?? 0),
});

/** Reads the texts with these keys. The keys must differ. Throws `StoreUnavailableError`. */
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
        cause: new Error(`other processes kept replacing the text ${left[0]} while it was read`),
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
      // Either another process replaced the head and removed these parts, or the parts have expired.
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
 * Replaces the text of the version `before`, or creates the text if there is no version before. Returns `undefined` if another
 * process changed the text meanwhile. The head is written after the new parts and before the old ones are removed, so a process
 * that dies between two requests leaves either the old text or the new one; unused parts expire. Throws `StoreUnavailableError`.
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
    // This write's own version passes too, because the reply to an earlier attempt at the request may have been lost.
    ConditionExpression: before ? '#version IN (:own, :before)' : 'attribute_not_exists(#version) OR #version = :own',
    ExpressionAttributeNames: { '#version': 'version' },
    ExpressionAttributeValues: { ':own': { S: version.id }, ...(before && { ':before': { S: before.id } }) },
  });
  const isWritten = await conditionalWrite(() => client.send(head), retryPolicy);
  await removeParts(store, table, isWritten ? before : version);
  return isWritten ? version : undefined;
}

/** Removes the text of this version. Returns `false` if another version has replaced it. Throws `StoreUnavailableError`. */
export async function removeText(store: Store, table: string, pk: string, before: TextVersion): Promise<boolean> {
  const { client, retryPolicy } = store;
  const command = new DeleteItemCommand({
    TableName: table,
    Key: headKey(pk),
    // A missing item passes too, because the reply to an earlier attempt at the request may have been lost.
    ConditionExpression: 'attribute_not_exists(#version) OR #version = :before',
    ExpressionAttributeNames: { '#version': 'version' },
    ExpressionAttributeValues: { ':before': { S: before.id } },
  });
  const isRemoved = await conditionalWrite(() => client.send(command), retryPolicy);
  if (isRemoved) await removeParts(store, table, before);
  return isRemoved;
}

/** Ignores errors, because parts that are not removed expire. */
async function removeParts({ client }: Store, table: string, version: TextVersion | undefined): Promise<void> {
  const remove = (Key: Attributes) => client.send(new DeleteItemCommand({ TableName: table, Key })).catch(() => {});
  if (version) await pMap(partKeys(version), remove, { concurrency: CONCURRENT_REQUESTS });
}
