import type { Batch } from '../consumer/batch.ts';
import type { Delivery } from '../message/delivery.ts';
import { toResult, type Candidate, type Result } from '../message/message.ts';
import { postponed, unfinished, unfinishedAs, type Outcome } from '../message/outcome.ts';
import type { MessageId } from '../events/message-id.ts';

import { writeBlockedKeys, type BlockedKey, type BlockedKeyWrite } from './blocked-keys.ts';
import { isFinal, MAX_BLOCKED } from './open-batch.ts';
import { byKey, keyOf } from './sequences.ts';

const MAX_WAITING = 5_000;

/**
 * How long the messages of an ordering key wait for a missing first message, in ms. After this time, the messages are
 * processed without the missing message.
 */
const MAX_BLOCKED_MS = 3_600_000;
/**
 * How long the messages of an ordering key wait for the next missing message, in ms, after their wait for the first
 * missing message has ended.
 */
const NEXT_BLOCKED_MS = MAX_BLOCKED_MS / 6;
const REFRESH_MS = MAX_BLOCKED_MS / 10;

interface Sequence {
  readonly key: string;
  readonly before: BlockedKey | undefined;
  /**
   * The ids of the messages of the ordering key that have no final outcome yet, whether they are in this batch or not.
   */
  readonly waiting: MessageId[];
  readonly inBatch: ReadonlyMap<MessageId, Candidate>;
  readonly isHeadForgotten: boolean;
}

/**
 * Sorts messages by delivery count, highest first, because a queue delivers an older message at least as often as a
 * younger one.
 */
export const oldestFirst = (deliveries: readonly Delivery[]): Delivery[] =>
  deliveries.toSorted((one, other) => other.deliveryCount - one.deliveryCount);

/**
 * Processes messages with the same ordering key one after another, and all other messages concurrently. A failed
 * message postpones only the later messages with the same ordering key.
 */
export async function processInOrder(
  candidates: readonly Candidate[],
  batch: Batch,
  process: (candidates: readonly Candidate[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const keyed = candidates.filter((candidate) => keyOf(candidate) !== undefined);
  const unkeyed = await process(candidates.filter((candidate) => keyOf(candidate) === undefined));
  const outcomes = new Map<Candidate, Outcome>();
  try {
    const sequences = await readSequences(keyed, batch);
    for (let heads = headsOf(sequences, outcomes); heads.length > 0; heads = headsOf(sequences, outcomes)) {
      const results = await process(heads.map(({ candidate }) => candidate));
      for (const [index, { sequence, candidate }] of heads.entries()) {
        const { outcome } = results[index]!;
        outcomes.set(candidate, outcome);
        if (isFinalOutcome(outcome)) sequence.waiting.shift();
        else block(sequence, outcome, outcomes, batch);
      }
    }
    for (const sequence of sequences) block(sequence, undefined, outcomes, batch);
    await recordBlocked(sequences, batch);
  } catch (error) {
    for (const candidate of keyed) {
      const outcome = outcomes.get(candidate);
      if (!outcome || outcome.is === 'retry' || outcome.is === 'postponed') outcomes.set(candidate, unfinished(error));
    }
  }
  return [...unkeyed, ...keyed.map((candidate) => toResult(candidate, outcomes.get(candidate)!))];
}

const isFinalOutcome = ({ is }: Outcome) => is !== 'retry' && is !== 'postponed' && is !== 'unfinished';

async function readSequences(
  candidates: readonly Candidate[],
  { inbox, blockedKeys, queue, clock }: Batch,
): Promise<Sequence[]> {
  if (candidates.length === 0) return [];
  const candidatesByKey = byKey(candidates);
  const records = await blockedKeys.read(queue.name, [...candidatesByKey.keys()]);
  const recorded = [...records.values()].flatMap(({ ids }) => ids);
  // If a process crashed after completing a message and before updating the record of its key, the inbox still shows the
  // completion.
  const markers = recorded.length > 0 ? await inbox.find(queue.name, recorded) : new Map();
  return [...candidatesByKey].map(([key, mine]) => {
    const before = records.get(key);
    const inBatch = new Map(mine.map((candidate) => [candidate.id, candidate]));
    const waiting = (before?.ids ?? []).filter((id) => inBatch.has(id) || !isFinal(markers.get(id)));
    // The wait ends for the first message only, because the next ones may still be delivered at any moment.
    const isHeadForgotten =
      before !== undefined && !inBatch.has(waiting[0]!) && clock.now() - before.firstSeenAtMs > MAX_BLOCKED_MS;
    if (isHeadForgotten) waiting.shift();
    const known = new Set(waiting);
    for (const id of inBatch.keys()) if (!known.has(id)) waiting.push(id);
    return { key, before, waiting, inBatch, isHeadForgotten };
  });
}

const headsOf = (sequences: readonly Sequence[], outcomes: ReadonlyMap<Candidate, Outcome>) =>
  sequences.flatMap((sequence) => {
    const candidate = sequence.waiting[0] && sequence.inBatch.get(sequence.waiting[0]);
    return candidate && !outcomes.has(candidate) ? [{ sequence, candidate }] : [];
  });

function block(
  { waiting, inBatch }: Sequence,
  head: Outcome | undefined,
  outcomes: Map<Candidate, Outcome>,
  { queue }: Batch,
): void {
  const delayMs = head && 'delayQueue' in head ? head.delayQueue.delayMs : 0;
  for (const [position, id] of waiting.entries()) {
    const candidate = inBatch.get(id);
    if (!candidate || outcomes.has(candidate)) continue;
    const comesBack = head?.is === 'unfinished' || position >= MAX_WAITING;
    outcomes.set(candidate, comesBack ? unfinishedAs('BLOCKED_BY_KEY') : postponed('BLOCKED_BY_KEY', queue, delayMs));
  }
}

async function recordBlocked(sequences: readonly Sequence[], batch: Batch): Promise<void> {
  const nowMs = batch.clock.now();
  const writes = sequences.flatMap(({ key, waiting, before, inBatch, isHeadForgotten }): BlockedKeyWrite[] => {
    const isSame = waiting.length === (before?.ids.length ?? 0) && waiting.every((id, n) => id === before?.ids[n]);
    const isHeadInBatch = inBatch.has(waiting[0]!);
    const nextSeenAtMs = nowMs - (isHeadForgotten && !isHeadInBatch ? MAX_BLOCKED_MS - NEXT_BLOCKED_MS : 0);
    const firstSeenAtMs =
      before && before.ids[0] === waiting[0] && !isHeadInBatch ? before.firstSeenAtMs : nextSeenAtMs;
    const isFresh = !before || firstSeenAtMs - before.firstSeenAtMs <= REFRESH_MS;
    return isSame && isFresh ? [] : [{ key, ids: waiting.slice(0, MAX_BLOCKED), firstSeenAtMs, before }];
  });
  await writeBlockedKeys(writes, batch);
}
