import type { Batch } from '../consumer/batch.ts';
import { toResult, type Candidate, type Invalid, type Message, type Result } from '../consumer/message.ts';
import { unfinished } from '../consumer/outcome.ts';
import type { TextVersion } from '../dynamodb/long-text.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Marker } from '../inbox/inbox.ts';
import { CodedError } from '../runtime/errors.ts';
import { writeBlockedKeys, type BlockedKeyWrite } from './blocked-keys.ts';
import { byKey, keyOf, type Sequences } from './sequences.ts';

/** The largest number of messages recorded for one key; further messages keep the order of the queue only. */
export const MAX_BLOCKED = 20_000;

/** How often opening a batch is tried while other environments keep replacing the record of the shard. */
const MAX_REPLACED = 3;

/** A batch whose order is recorded; without a record if no message has a key. */
interface Opened {
  readonly shard: string;
  readonly record?: TextVersion;
}

export interface Opening {
  /** The messages of the batch; unfinished if their order could not be recorded. */
  readonly messages: readonly Message[];
  readonly opened?: Opened;
}

/**
 * Records the order of the batch before any other request to the store, so that no younger message overtakes the batch
 * whenever and however its processing ends. If that fails, all messages with a key are unfinished.
 */
export async function openBatch(validated: readonly (Candidate | Invalid)[], batch: Batch): Promise<Opening> {
  const { openBatches, memory } = batch;
  const shard = validated[0]?.delivery.queue;
  if (shard === undefined) return { messages: validated };
  const candidates = validated.filter((message) => message.is === 'candidate');
  const sequences: Sequences = [...byKey(candidates)].map(([key, mine]) => [key, mine.map(({ id }) => id)]);
  try {
    for (let replaced = 0; replaced < MAX_REPLACED; replaced += 1) {
      const before = await openBatches.read(shard);
      // Even if this batch has no keys: the sequences of an earlier batch must not be lost with its record.
      await blockAll([...(before?.sequences ?? []), ...memory.unrecorded], batch);
      const record = await replaceRecord(shard, sequences, before?.version, batch);
      if (record === 'replaced') continue;
      memory.unrecorded = [];
      return { messages: validated, opened: { shard, record } };
    }
    throw new CodedError('CONFLICT', `another environment works on the queue ${shard}, which keeps order per key`);
  } catch (error) {
    memory.unrecorded = firstOf([...memory.unrecorded, ...sequences]);
    const outcome = unfinished(error);
    return {
      messages: validated.map((message) =>
        message.is === 'candidate' && keyOf(message) !== undefined ? toResult(message, outcome) : message,
      ),
    };
  }
}

async function replaceRecord(
  shard: string,
  sequences: Sequences,
  before: TextVersion | undefined,
  { openBatches }: Batch,
): Promise<TextVersion | undefined | 'replaced'> {
  if (sequences.length > 0) return (await openBatches.begin(shard, sequences, before)) ?? 'replaced';
  return before && !(await openBatches.end(shard, before)) ? 'replaced' : undefined;
}

/** Deletes the record of a batch that does not come back. A record that stays costs the next batch one request for markers. */
export async function closeBatch(
  results: readonly Result[],
  { shard, record }: Opened,
  { openBatches, warn }: Batch,
): Promise<void> {
  if (!record || results.some(({ outcome }) => outcome.is === 'unfinished')) return;
  await openBatches.end(shard, record).catch((error: unknown) => warn('deleting the open-batch record failed', error));
}

/** Blocks the keys of batches that began and did not end, so that every environment waits for their messages. */
async function blockAll(sequences: Sequences, batch: Batch): Promise<void> {
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
    // The first message of the record need not be a message of these batches.
    const isOther = before && before.ids[0] === waiting[0] && !ids.includes(waiting[0]!);
    return [{ key, ids: waiting, firstSeenAtMs: isOther ? before.firstSeenAtMs : clock.now(), before }];
  });
  await writeBlockedKeys(writes, batch);
}

/** One sequence per key; messages of the earlier batch come first. */
function mergedByKey(sequences: Sequences): Map<string, MessageId[]> {
  const merged = new Map<string, Set<MessageId>>();
  for (const [key, ids] of sequences) {
    const sequence = merged.get(key) ?? new Set();
    for (const id of ids) sequence.add(id);
    merged.set(key, sequence);
  }
  return new Map([...merged].map(([key, ids]) => [key, [...ids]]));
}

/** The first messages of the sequences, at most as many as a record holds. */
function firstOf(sequences: Sequences): Sequences {
  let left = MAX_BLOCKED;
  return [...mergedByKey(sequences)].flatMap(([key, ids]) => {
    const kept = ids.slice(0, left);
    left -= kept.length;
    return kept.length > 0 ? [[key, kept] as const] : [];
  });
}

/** Whether a message with this marker blocks its key no longer. */
export const isFinal = (marker: Marker | undefined): boolean =>
  marker?.state === 'completed' || marker?.state === 'rejected' || marker?.state === 'dead-lettered';
