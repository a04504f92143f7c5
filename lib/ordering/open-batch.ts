import type { TextVersion } from '../dynamodb/long-text.ts';
import type { MessageId } from '../events/message-id.ts';
import type { FoundMarker } from '../inbox/inbox.ts';
import { toResult, type BatchMessage, type Result } from '../message/message.ts';
import { keyOf } from '../message/ordering-key.ts';
import { unfinished } from '../message/outcome.ts';
import { CodedError } from '../runtime/errors.ts';
import { writeBlockedKeys, type BlockedKeyWrite } from './blocked-keys.ts';
import type { OrderedBatch } from './ordered-batch.ts';
import { byKey, type Sequences } from './sequences.ts';

/**
 * The maximum number of messages whose order is stored for one ordering key or one batch. Further messages are
 * processed in the order in which the queue delivers them.
 */
export const MAX_BLOCKED = 20_000;

const MAX_REPLACED = 3;

interface Opened {
  readonly shard: string;
  readonly record?: TextVersion;
}

export interface Opening {
  /**
   * The messages of the batch. If their processing order could not be stored, the messages with an ordering key already
   * have the outcome `unfinished`: RabbitMQ redelivers them, and they must not be processed now.
   */
  readonly messages: readonly BatchMessage[];
  readonly opened?: Opened;
}

/**
 * Stores the processing order of the messages of a batch in DynamoDB, so that no later message overtakes them after a
 * crash. If storing the order fails, the messages that have an ordering key are not processed, and RabbitMQ redelivers
 * them.
 */
export async function openBatch(validated: readonly BatchMessage[], batch: OrderedBatch): Promise<Opening> {
  const { openBatches, memory } = batch;
  const shard = validated[0]?.delivery.queue;
  if (shard === undefined) return { messages: validated };
  const valid = validated.filter((message) => message.is === 'valid');
  const sequences: Sequences = [...byKey(valid)].map(([key, mine]) => [key, mine.map(({ id }) => id)]);
  try {
    for (let replaced = 0; replaced < MAX_REPLACED; replaced += 1) {
      const before = await openBatches.read(shard);
      // This is needed even if no message of this batch has a key: replacing the record must not lose the order of an
      // earlier batch.
      await blockAll([...(before?.sequences ?? []), ...memory.unrecorded], batch);
      const record = await replaceRecord(shard, sequences, before?.version, batch);
      if (record === 'replaced') continue;
      memory.unrecorded = [];
      return { messages: validated, opened: { shard, record } };
    }
    throw new CodedError(
      'CONFLICT',
      `another Lambda execution environment is processing messages of the ordered queue ${shard} at the same time`,
    );
  } catch (error) {
    memory.unrecorded = firstOf([...memory.unrecorded, ...sequences]);
    const outcome = unfinished(error);
    return {
      messages: validated.map((message) =>
        message.is === 'valid' && keyOf(message) !== undefined ? toResult(message, outcome) : message,
      ),
    };
  }
}

async function replaceRecord(
  shard: string,
  sequences: Sequences,
  before: TextVersion | undefined,
  { openBatches }: OrderedBatch,
): Promise<TextVersion | undefined | 'replaced'> {
  if (sequences.length > 0) return (await openBatches.begin(shard, sequences, before)) ?? 'replaced';
  return before && !(await openBatches.end(shard, before)) ? 'replaced' : undefined;
}

/** Deletes the open-batch record of a batch from DynamoDB, unless the batch will be redelivered. */
export async function closeBatch(
  results: readonly Result[],
  { shard, record }: Opened,
  { openBatches, warn }: OrderedBatch,
): Promise<void> {
  if (!record || results.some(({ outcome }) => outcome.is === 'unfinished')) return;
  await openBatches.end(shard, record).catch((error: unknown) => warn('deleting the open-batch record failed', error));
}

/**
 * Makes later messages wait if their ordering key occurs in an earlier, unfinished batch, until the messages of that
 * batch are processed.
 */
async function blockAll(sequences: Sequences, batch: OrderedBatch): Promise<void> {
  const merged = mergedByKey(sequences);
  if (merged.size === 0) return;
  const { queue, inbox, blockedKeys, clock } = batch;
  const records = await blockedKeys.read(queue.name, [...merged.keys()]);
  const markers = await inbox.find(queue.name, [...merged.values()].flat());
  const writes = [...merged].flatMap(([key, ids]): BlockedKeyWrite[] => {
    const before = records.get(key);
    const recorded = new Set(before?.ids);
    const added = ids.filter((id) => !recorded.has(id) && !isFinal(markers.get(id)));
    if (added.length === 0) return [];
    const waiting = [...recorded, ...added].slice(0, MAX_BLOCKED);
    // The record may start with a message that is in none of these batches.
    const isOther = before && before.ids[0] === waiting[0] && !ids.includes(waiting[0]!);
    return [{ key, ids: waiting, firstSeenAtMs: isOther ? before.firstSeenAtMs : clock.now(), before }];
  });
  await writeBlockedKeys(writes, batch);
}

function mergedByKey(sequences: Sequences): Map<string, MessageId[]> {
  const merged = new Map<string, Set<MessageId>>();
  for (const [key, ids] of sequences) {
    const sequence = merged.get(key) ?? new Set();
    for (const id of ids) sequence.add(id);
    merged.set(key, sequence);
  }
  return new Map([...merged].map(([key, ids]) => [key, [...ids]]));
}

function firstOf(sequences: Sequences): Sequences {
  let left = MAX_BLOCKED;
  return [...mergedByKey(sequences)].flatMap(([key, ids]) => {
    const kept = ids.slice(0, left);
    left -= kept.length;
    return kept.length > 0 ? [[key, kept] as const] : [];
  });
}

/** Whether an inbox marker shows that a message no longer blocks later messages with the same ordering key. */
export const isFinal = (marker: FoundMarker | undefined): boolean =>
  marker?.state === 'completed' || marker?.state === 'rejected' || marker?.state === 'dead-lettered';
