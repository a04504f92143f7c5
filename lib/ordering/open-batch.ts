import { concurrently } from '../runtime/concurrently.ts';
import { CodedError } from '../runtime/errors.ts';
import type { TextVersion } from '../dynamodb/long-text.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Batch } from '../consumer/batch.ts';
import { keyed, sequencesOf, type Sequences } from './sequences.ts';
import { unfinished } from '../consumer/outcome.ts';
import type { Work } from '../consumer/work.ts';

/** Messages of one key that may be waited for at most: past it they keep the order that the queue gives them. */
export const MAX_LINE = 20_000;

/** Keys whose holds are written at once. */
const CONCURRENT_WRITES = 16;

/** Times that another environment may begin a batch of the same shard meanwhile. */
const MAX_RIVALS = 3;

/** The record of a batch that has begun; a batch without any key has none. */
export interface Begun {
  readonly record?: TextVersion;
}

/**
 * Records the order of the batch before anything else is asked of the store: whatever its end will be, and whether the event
 * source brings it back before or after what it had fetched meanwhile, nothing younger overtakes it. `undefined`, and the
 * batch unfinished, where the store could not be told.
 */
export async function openBatch(works: readonly Work[], batch: Batch): Promise<Begun | undefined> {
  const { openBatches, memory } = batch;
  const shard = works[0]?.delivery.queue;
  if (shard === undefined) return {};
  const mine = keyed(works);
  const lines = sequencesOf(mine);
  try {
    for (let rivals = 0; rivals < MAX_RIVALS; rivals += 1) {
      const before = await openBatches.read(shard);
      // Also where none of these has a key: what an earlier batch left must not be struck with this one.
      await holdAll([...(before?.sequences ?? []), ...memory.unrecorded], batch);
      const record = await replaceRecord(shard, lines, before?.version, batch);
      if (record === 'taken') continue;
      memory.unrecorded = [];
      return { record };
    }
    throw new CodedError('CONFLICT', `another environment works on the queue ${shard}, which keeps order per key`);
  } catch (error) {
    memory.unrecorded = firstOf([...memory.unrecorded, ...lines]);
    for (const work of mine) work.outcome = unfinished(error);
    return undefined;
  }
}

async function replaceRecord(
  shard: string,
  lines: Sequences,
  before: TextVersion | undefined,
  { openBatches }: Batch,
): Promise<TextVersion | undefined | 'taken'> {
  if (lines.length > 0) return (await openBatches.begin(shard, lines, before)) ?? 'taken';
  return before && !(await openBatches.end(shard, before)) ? 'taken' : undefined;
}

/** Strikes the record of a batch of which nothing comes back. A record that stays costs the next batch a look at its markers. */
export async function closeBatch(
  works: readonly Work[],
  { record }: Begun,
  { openBatches, warn }: Batch,
): Promise<void> {
  const shard = works[0]?.delivery.queue;
  if (!record || shard === undefined || works.some(({ outcome }) => outcome?.is === 'unfinished')) return;
  await openBatches.end(shard, record).catch((error: unknown) => warn('end of the batch not recorded', error));
}

/** Has the messages of batches that were begun and have not ended waited for, whoever works on them. */
async function holdAll(lines: Sequences, { queue, inbox, blockedKeys, clock }: Batch): Promise<void> {
  const merged = mergedLines(lines);
  if (merged.size === 0) return;
  const holds = await blockedKeys.read(queue.name, [...merged.keys()]);
  const markers = await inbox.find(queue.name, [...merged.values()].flat());
  const failures: unknown[] = [];
  await concurrently([...merged], CONCURRENT_WRITES, async ([key, ids]) => {
    const before = holds.get(key);
    const held = new Set(before?.ids);
    const added = ids.filter((id) => !held.has(id) && !isOverIn(markers.get(id)?.state));
    if (added.length === 0 || failures.length > 0) return;
    const waiting = [...held, ...added].slice(0, MAX_LINE);
    // The first of the line was not necessarily among what was begun.
    const isMissing = before && before.ids[0] === waiting[0] && !ids.includes(waiting[0]!);
    const firstSeenAtMs = isMissing ? before.firstSeenAtMs : clock.now();
    const isWritten = await blockedKeys
      .write(queue.name, key, { ids: waiting, firstSeenAtMs }, before)
      .catch((error) => failures.push(error));
    if (isWritten === false) failures.push(keyTaken(key));
  });
  if (failures.length > 0) throw failures[0];
}

export const keyTaken = (key: string) =>
  new CodedError('CONFLICT', `another environment works on the messages of the key ${key}`);

/** One line per key; the earlier batch's messages come first. */
function mergedLines(lines: Sequences): Map<string, MessageId[]> {
  const merged = new Map<string, Set<MessageId>>();
  for (const [key, ids] of lines) {
    const line = merged.get(key) ?? new Set();
    for (const id of ids) line.add(id);
    merged.set(key, line);
  }
  return new Map([...merged].map(([key, ids]) => [key, [...ids]]));
}

/** What is kept of the lines in memory: so many messages, the first ones. */
function firstOf(lines: Sequences): Sequences {
  let left = MAX_LINE;
  return [...mergedLines(lines)].flatMap(([key, ids]) => {
    const kept = ids.slice(0, left);
    left -= kept.length;
    return kept.length > 0 ? [[key, kept] as const] : [];
  });
}

/** Whether a marker in this state says that its message keeps nobody waiting any more. */
export const isOverIn = (state: string | undefined): boolean =>
  state === 'completed' || state === 'rejected' || state === 'dead-lettered';
