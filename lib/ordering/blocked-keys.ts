import type { Hold } from '../inbox/inbox.ts';
import { readTexts, removeText, writeText } from '../dynamodb/long-text.ts';
import { expiry } from '../inbox/table.ts';
import { INBOX_TABLE } from '../inbox/table.ts';
import type { Store } from '../dynamodb/store.ts';
import type { Scope } from '../inbox/table.ts';

const prefix = (queue: string) => `!held#${queue}#`;

/** Who waits for whom, by key, each named once; a key without anybody waiting is not in the map. Throws `StoreUnavailableError`. */
export async function readHolds(store: Store, scope: Scope, keys: readonly string[]): Promise<Map<string, Hold>> {
  const { tablePrefix, queue } = scope;
  const pks = keys.map((key) => prefix(queue) + key);
  const texts = await readTexts(store, tablePrefix + INBOX_TABLE, pks);
  return new Map(
    [...texts].map(([pk, { text, version }]) => {
      const { ids = [], firstSeenAtMs = 0 } = JSON.parse(text || '{}') as Partial<Hold>;
      return [pk.slice(prefix(queue).length), { ids, firstSeenAtMs, version }];
    }),
  );
}

/**
 * Writes who waits from now on; `false` where somebody else changed it since `before` was read. Nobody waiting is no item.
 * Throws `StoreUnavailableError`.
 */
export async function writeHold(
  store: Store,
  { tablePrefix, queue, retentionDays }: Scope,
  key: string,
  { ids, firstSeenAtMs }: Omit<Hold, 'version'>,
  before: Hold | undefined,
): Promise<boolean> {
  const table = tablePrefix + INBOX_TABLE;
  const pk = prefix(queue) + key;
  if (ids.length === 0) return !before || removeText(store, table, pk, before.version);
  const text = JSON.stringify({ ids, firstSeenAtMs });
  const expiresAt = expiry(store.clock.now(), retentionDays);
  return (await writeText(store, table, pk, text, { before: before?.version, expiresAt })) !== undefined;
}
