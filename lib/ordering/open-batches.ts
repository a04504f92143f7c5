import { readTexts, removeText, writeText, type TextVersion } from '../dynamodb/long-text.ts';
import type { InboxTable } from '../inbox/table.ts';
import type { Sequences } from './sequences.ts';

/** The record of a batch that was started and not yet finished: its messages per key, in order. */
export interface OpenBatch {
  readonly sequences: Sequences;
  readonly version: TextVersion;
}

/**
 * Stores one record of the latest batch per shard of a queue. Every method throws `StoreUnavailableError` if DynamoDB does
 * not answer.
 */
export interface OpenBatches {
  read(shard: string): Promise<OpenBatch | undefined>;
  /**
   * Replaces the stored record `before` by the record of a new batch. Returns `undefined` if another Lambda environment has
   * changed the record.
   */
  begin(shard: string, sequences: Sequences, before: TextVersion | undefined): Promise<TextVersion | undefined>;
  /** Deletes the record. Returns `false` if another batch has replaced it. */
  end(shard: string, version: TextVersion): Promise<boolean>;
}

const keyOf = (shard: string) => `!open-batch#${shard}`;

export const createOpenBatches = (table: InboxTable): OpenBatches => ({
  async read(shard) {
    const pk = keyOf(shard);
    const found = (await readTexts(table, table.name, [pk])).get(pk);
    return found && { sequences: JSON.parse(found.text || '[]') as Sequences, version: found.version };
  },
  begin: (shard, sequences, before) =>
    writeText(table, table.name, keyOf(shard), JSON.stringify(sequences), { before, expiresAt: table.expiresAt() }),
  end: (shard, version) => removeText(table, table.name, keyOf(shard), version),
});
