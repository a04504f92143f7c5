import { readTexts, removeText, writeText, type TextVersion } from '../dynamodb/long-text.ts';
import type { InboxTable } from '../inbox/table.ts';
import { reportLostOrder } from './lost-order.ts';
import type { Sequences } from './sequences.ts';

/** The stored order of a batch that is not finished yet: the message ids per ordering key. */
export interface OpenBatch {
  readonly sequences: Sequences;
  readonly version: TextVersion;
}

/**
 * Stores the order of the latest batch of each shard in DynamoDB. Every method throws `StoreUnavailableError` if
 * DynamoDB does not answer.
 */
export interface OpenBatches {
  read(shard: string): Promise<OpenBatch | undefined>;
  /**
   * Replaces the stored order `before` by the order of a new batch. Returns `undefined` if another Lambda execution
   * environment has changed the stored order.
   */
  begin(shard: string, sequences: Sequences, before: TextVersion | undefined): Promise<TextVersion | undefined>;
  /** Deletes the stored order of a batch. Returns `false` if another batch has replaced the stored order. */
  end(shard: string, version: TextVersion): Promise<boolean>;
}

const keyOf = (shard: string) => `!open-batch#${shard}`;

export const createOpenBatches = (table: InboxTable): OpenBatches => ({
  async read(shard) {
    const pk = keyOf(shard);
    const found = (await readTexts(table, table.name, [pk])).get(pk);
    if (!found) return undefined;
    const { text, version } = found;
    if (text === undefined) reportLostOrder(pk);
    return { sequences: text === undefined ? [] : (JSON.parse(text) as Sequences), version };
  },
  begin: (shard, sequences, before) =>
    writeText(table, table.name, keyOf(shard), JSON.stringify(sequences), { before, expiresAt: table.expiresAt() }),
  end: (shard, version) => removeText(table, table.name, keyOf(shard), version),
});
