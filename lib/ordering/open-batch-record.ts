import type { Lines, OpenBatch } from '../inbox/inbox.ts';
import { readTexts, removeText, writeText, type TextVersion } from '../dynamodb/long-text.ts';
import { expiry } from '../inbox/table.ts';
import { INBOX_TABLE } from '../inbox/table.ts';
import type { Store } from '../dynamodb/store.ts';
import type { Scope } from '../inbox/table.ts';

const place = ({ tablePrefix, queue }: Scope) => ({ table: tablePrefix + INBOX_TABLE, pk: `!open-batch#${queue}` });

/** The batch of a shard that was begun and has not ended, if there is one. Throws `StoreUnavailableError`. */
export async function readOpenBatch(store: Store, scope: Scope): Promise<OpenBatch | undefined> {
  const { table, pk } = place(scope);
  const found = (await readTexts(store, table, [pk])).get(pk);
  return found && { lines: JSON.parse(found.text || '[]') as Lines, version: found.version };
}

/** Records the lines of the batch that begins now in place of those of `before`; `undefined` where another process was faster. Throws `StoreUnavailableError`. */
export function beginBatch(
  store: Store,
  scope: Scope,
  lines: Lines,
  before: TextVersion | undefined,
): Promise<TextVersion | undefined> {
  const { table, pk } = place(scope);
  const expiresAt = expiry(store.clock.now(), scope.retentionDays);
  return writeText(store, table, pk, JSON.stringify(lines), { before, expiresAt });
}

/** Removes the record of a batch that has ended; that of another one stays. Throws `StoreUnavailableError`. */
export async function endBatch(store: Store, scope: Scope, version: TextVersion): Promise<boolean> {
  const { table, pk } = place(scope);
  return removeText(store, table, pk, version);
}
