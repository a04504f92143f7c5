import { readTexts, removeText, writeText, type TextVersion } from '../dynamodb/long-text.ts';
import type { MessageId } from '../events/message-id.ts';
import type { InboxTable } from '../inbox/table.ts';
import { concurrently } from '../runtime/concurrently.ts';
import { CodedError } from '../runtime/errors.ts';
import { areTexts, parseOrder } from './stored-order.ts';

/** The messages of a blocked ordering key, in order. They have to wait because the first of them failed. */
export interface BlockedKey {
  /**
   * The ids of the messages of a blocked ordering key: first the failed message, then the messages that wait for it.
   */
  readonly ids: readonly MessageId[];
  /** The time from which the maximum wait for the first message in `ids` is counted, in ms since the epoch. */
  readonly firstSeenAtMs: number;
  readonly version: TextVersion;
}

/**
 * Stores in DynamoDB, for each blocked ordering key, the messages that are waiting. Every method throws
 * `StoreUnavailableError` if DynamoDB does not answer.
 */
export interface BlockedKeys {
  /**
   * Returns the waiting messages of each blocked ordering key in `keys`, and nothing for keys that are not blocked.
   * `keys` must not contain duplicates.
   */
  read(queue: string, keys: readonly string[]): Promise<Map<string, BlockedKey>>;
  /**
   * Replaces the stored waiting messages of the ordering key with `next`, or deletes them if `next.ids` is empty.
   * Returns `false` if another Lambda execution environment has changed them since `before` was read.
   */
  write(
    queue: string,
    key: string,
    next: Omit<BlockedKey, 'version'>,
    before: BlockedKey | undefined,
  ): Promise<boolean>;
}

const isBlockedKey = (value: unknown): value is Omit<BlockedKey, 'version'> => {
  const { ids, firstSeenAtMs } = (value ?? {}) as Record<string, unknown>;
  return areTexts(ids) && typeof firstSeenAtMs === 'number';
};

const prefix = (queue: string) => `!blocked-key#${queue}#`;

export const createBlockedKeys = (table: InboxTable): BlockedKeys => ({
  async read(queue, keys) {
    const pks = keys.map((key) => prefix(queue) + key);
    const texts = await readTexts(table, table.name, pks);
    return new Map(
      [...texts].map(([pk, { text, version }]) => {
        const stored = parseOrder(pk, text, isBlockedKey, { ids: [], firstSeenAtMs: 0 });
        return [pk.slice(prefix(queue).length), { ...stored, version }];
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
 * Writes the lists of waiting messages of several blocked ordering keys. Throws the first error, or `CONFLICT` if
 * another Lambda execution environment has changed a list.
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
      failures.push(
        new CodedError(
          'CONFLICT',
          `another Lambda execution environment is processing messages with the ordering key ${key} at the same time`,
        ),
      );
  });
  if (failures.length > 0) throw failures[0];
}
