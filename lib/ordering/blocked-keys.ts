import { readTexts, removeText, writeText, type TextVersion } from '../dynamodb/long-text.ts';
import type { MessageId } from '../events/message-id.ts';
import type { InboxTable } from '../inbox/table.ts';
import { concurrently } from '../runtime/concurrently.ts';
import { CodedError } from '../runtime/errors.ts';

/**
 * The record of an ordering key whose first message failed. It lists the messages of the key that still have to be
 * processed, in order.
 */
export interface BlockedKey {
  /**
   * The ids of the waiting messages. The first message failed and will be delivered again; the other messages wait for it.
   */
  readonly ids: readonly MessageId[];
  /** When the first message was last delivered, in ms since the epoch. */
  readonly firstSeenAtMs: number;
  readonly version: TextVersion;
}

/** Every method throws `StoreUnavailableError` if DynamoDB does not answer. */
export interface BlockedKeys {
  /** Returns the stored records of those keys that are blocked. `keys` must not contain duplicates. */
  read(queue: string, keys: readonly string[]): Promise<Map<string, BlockedKey>>;
  /**
   * Replaces the stored record `before` by `next`, or deletes it if `next.ids` is empty. Returns `false` if another Lambda
   * environment has changed the record since it was read.
   */
  write(
    queue: string,
    key: string,
    next: Omit<BlockedKey, 'version'>,
    before: BlockedKey | undefined,
  ): Promise<boolean>;
}

const prefix = (queue: string) => `!blocked-key#${queue}#`;

export const createBlockedKeys = (table: InboxTable): BlockedKeys => ({
  async read(queue, keys) {
    const pks = keys.map((key) => prefix(queue) + key);
    const texts = await readTexts(table, table.name, pks);
    return new Map(
      [...texts].map(([pk, { text, version }]) => {
        const { ids = [], firstSeenAtMs = 0 } = JSON.parse(text || '{}') as Partial<BlockedKey>;
        return [pk.slice(prefix(queue).length), { ids, firstSeenAtMs, version }];
      }),
    );
  },

  async write(queue, key, { ids, firstSeenAtMs }, before) {
    const pk = prefix(queue) + key;
    if (ids.length === 0) return !before || removeText(table, table.name, pk, before.version);
    const text = JSON.stringify({ ids, firstSeenAtMs });
    const written = await writeText(table, table.name, pk, text, {
      before: before?.version,
      expiresAt: table.expiresAt(),
    });
    return written !== undefined;
  },
});

export interface BlockedKeyWrite extends Omit<BlockedKey, 'version'> {
  readonly key: string;
  readonly before: BlockedKey | undefined;
}

const CONCURRENT_WRITES = 16;

/**
 * Writes the records of several keys. Throws the first error, or a `CONFLICT` if another Lambda environment has changed one
 * of the records.
 */
export async function writeBlockedKeys(
  writes: readonly BlockedKeyWrite[],
  { blockedKeys, queue }: { readonly blockedKeys: BlockedKeys; readonly queue: { readonly name: string } },
): Promise<void> {
  const failures: unknown[] = [];
  await concurrently(writes, CONCURRENT_WRITES, async ({ key, before, ...next }) => {
    if (failures.length > 0) return;
    const isWritten = await blockedKeys
      .write(queue.name, key, next, before)
      .catch((error: unknown) => failures.push(error));
    if (isWritten === false)
      failures.push(new CodedError('CONFLICT', `another environment works on the messages of the key ${key}`));
  });
  if (failures.length > 0) throw failures[0];
}
