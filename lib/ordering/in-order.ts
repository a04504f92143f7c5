import type { MessageId } from '../events/message-id.ts';
import type { Delivery } from '../message/delivery.ts';
import { toResult, type ValidMessage, type Result } from '../message/message.ts';
import { keyOf } from '../message/ordering-key.ts';
import { outcomeTraits, postponed, unfinished, unfinishedAs, type Outcome } from '../message/outcome.ts';
import { writeBlockedKeys, type BlockedKey, type BlockedKeyWrite } from './blocked-keys.ts';
import { isFinal, MAX_BLOCKED } from './open-batch.ts';
import type { OrderedBatch } from './ordered-batch.ts';
import { byKey } from './sequences.ts';

const MAX_WAITING = 5_000;

/**
 * If the first unfinished message of an ordering key is not redelivered, the later messages of the key wait for it at
 * most this long, in ms. They are then processed without it.
 */
const MAX_BLOCKED_MS = 3_600_000;
/**
 * The shorter limit, in ms, for each further missing message of an ordering key, after the wait for the first one has
 * timed out.
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
  readonly inBatch: ReadonlyMap<MessageId, ValidMessage>;
  readonly isHeadForgotten: boolean;
}

/**
 * Sorts messages from oldest to newest. A queue delivers an older message at least as often as a newer one, so the
 * messages with the highest delivery count come first.
 */
export const oldestFirst = (deliveries: readonly Delivery[]): Delivery[] =>
  deliveries.toSorted((one, other) => other.deliveryCount - one.deliveryCount);

/**
 * Processes messages with the same ordering key one after another, and all other messages concurrently. A failed
 * message postpones only the later messages with the same ordering key.
 */
export async function processInOrder(
  messages: readonly ValidMessage[],
  batch: OrderedBatch,
  process: (messages: readonly ValidMessage[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const keyed = messages.filter((message) => keyOf(message) !== undefined);
  const unkeyed = await process(messages.filter((message) => keyOf(message) === undefined));
  const outcomes = new Map<ValidMessage, Outcome>();
  try {
    const sequences = await readSequences(keyed, batch);
    for (let heads = headsOf(sequences, outcomes); heads.length > 0; heads = headsOf(sequences, outcomes)) {
      const results = await process(heads.map(({ message }) => message));
      for (const [index, { sequence, message }] of heads.entries()) {
        const { outcome } = results[index]!;
        outcomes.set(message, outcome);
        if (isFinalOutcome(outcome)) sequence.waiting.shift();
        else block(sequence, outcome, outcomes, batch);
      }
    }
    for (const sequence of sequences) block(sequence, undefined, outcomes, batch);
    await recordBlocked(sequences, batch);
  } catch (error) {
    for (const message of keyed) {
      const outcome = outcomes.get(message);
      if (!outcome || outcome.is === 'retry' || outcome.is === 'postponed') outcomes.set(message, unfinished(error));
    }
  }
  return [...unkeyed, ...keyed.map((message) => toResult(message, outcomes.get(message)!))];
}

/**
 * Sorts the messages of each ordering key into the order in which they must be processed. A batch can contain them in
 * another order, because the queue delivers copies of postponed messages in any order.
 */
export async function inStoredOrder(
  messages: readonly ValidMessage[],
  { blockedKeys, queue }: Pick<OrderedBatch, 'blockedKeys' | 'queue'>,
): Promise<ValidMessage[]> {
  const keys = [...byKey(messages).keys()];
  if (keys.length === 0) return [...messages];
  const records = await blockedKeys.read(queue.name, keys);
  const positions = new Map([...records.values()].flatMap(({ ids }) => ids.map((id, position) => [id, position])));
  const positionOf = ({ id }: ValidMessage) => positions.get(id) ?? MAX_BLOCKED;
  return messages.toSorted((one, other) => positionOf(one) - positionOf(other));
}

/** Whether a message with this outcome lets the later messages with the same ordering key be processed. */
function isFinalOutcome(outcome: Outcome): boolean {
  // Another Lambda execution environment retries the message, and its retry copy must come before the later messages.
  if (outcome.is === 'duplicate' && outcome.isRetried) return false;
  return outcomeTraits[outcome.is].isFinal;
}

async function readSequences(
  messages: readonly ValidMessage[],
  { inbox, blockedKeys, queue, clock }: OrderedBatch,
): Promise<Sequence[]> {
  if (messages.length === 0) return [];
  const messagesByKey = byKey(messages);
  const records = await blockedKeys.read(queue.name, [...messagesByKey.keys()]);
  const recorded = [...records.values()].flatMap(({ ids }) => ids);
  // If a process crashed after completing a message and before updating the record of its key, the inbox still shows the
  // completion.
  const markers = recorded.length > 0 ? await inbox.find(queue.name, recorded) : new Map();
  return [...messagesByKey].map(([key, mine]) => {
    const before = records.get(key);
    const inBatch = new Map(mine.map((message) => [message.id, message]));
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

const headsOf = (sequences: readonly Sequence[], outcomes: ReadonlyMap<ValidMessage, Outcome>) =>
  sequences.flatMap((sequence) => {
    const message = sequence.waiting[0] && sequence.inBatch.get(sequence.waiting[0]);
    return message && !outcomes.has(message) ? [{ sequence, message }] : [];
  });

function block(
  { waiting, inBatch }: Sequence,
  head: Outcome | undefined,
  outcomes: Map<ValidMessage, Outcome>,
  { queue }: OrderedBatch,
): void {
  const delayMs = head && 'delayQueue' in head ? head.delayQueue.delayMs : 0;
  for (const [position, id] of waiting.entries()) {
    const message = inBatch.get(id);
    if (!message || outcomes.has(message)) continue;
    const isRedelivered = head?.is === 'unfinished' || position >= MAX_WAITING;
    outcomes.set(message, isRedelivered ? unfinishedAs('BLOCKED_BY_KEY') : postponed('BLOCKED_BY_KEY', queue, delayMs));
  }
}

async function recordBlocked(sequences: readonly Sequence[], batch: OrderedBatch): Promise<void> {
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
