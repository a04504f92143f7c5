import { readTexts, removeText, writeText, type TextVersion } from '../dynamodb/long-text.ts';
import type { InboxTable } from '../inbox/table.ts';
import { areTexts, parseOrder } from './stored-order.ts';
import type { Sequences } from './sequences.ts';

/** For each ordering key, the ids of its messages in an unfinished batch, in processing order. */
export interface OpenBatch {
  readonly sequences: Sequences;
  readonly version: TextVersion;
}

/**
 * Stores in DynamoDB the processing order of the messages in the latest batch of each shard. Every method throws
 * `StoreUnavailableError` if DynamoDB does not answer.
 */
export interface OpenBatches {
  read(shard: string): Promise<OpenBatch | undefined>;
  /**
   * Replaces the stored message ids of an earlier batch (`before`) by the message ids of a new batch. Returns
   * `undefined` if another Lambda execution environment has already replaced them.
   */
  begin(shard: string, sequences: Sequences, before: TextVersion | undefined): Promise<TextVersion | undefined>;
  /**
   * Deletes the stored message ids of a batch. Returns `false` if the message ids of a newer batch have replaced them.
   */
  end(shard: string, version: TextVersion): Promise<boolean>;
}

const areSequences = (value: unknown): value is Sequences =>
  Array.isArray(value) &&
  value.every((each) => Array.isArray(each) && each.length === 2 && typeof each[0] === 'string' && areTexts(each[1]));

const keyOf = (shard: string) => `!open-batch#${shard}`;

export const createOpenBatches = (table: InboxTable): OpenBatches => ({
  async read(shard) {
    const pk = keyOf(shard);
    const found = (await readTexts(table, table.name, [pk])).get(pk);
    if (!found) return undefined;
    const { text, version } = found;
    return { sequences: parseOrder(pk, text, areSequences, []), version };
  },
  begin: (shard, sequences, before) =>
    writeText(table, table.name, keyOf(shard), JSON.stringify(sequences), { before, expiresAt: table.expiresAt() }),
  end: (shard, version) => removeText(table, table.name, keyOf(shard), version),
});
