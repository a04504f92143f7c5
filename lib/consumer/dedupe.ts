import type { MessageId } from '../events/message-id.ts';
import { lastSentTimeOf, surehopSentTimeOf } from '../events/publish-time.ts';
import type { FoundMarker } from '../inbox/inbox.ts';
import { compareAttempts, isAbandonedLease, isHandedOff } from '../inbox/marker.ts';
import type { Delivery } from '../message/delivery.ts';
import {
  toResult,
  type ValidMessage,
  type Copy,
  type InvalidMessage,
  type BatchMessage,
  type Result,
} from '../message/message.ts';
import { deadLetter, duplicate, fromFailedMarker, outcomeTraits, unfinished } from '../message/outcome.ts';
import { forgetOldest } from '../runtime/forget-oldest.ts';
import type { Batch, Memory } from './batch.ts';

/**
 * Returns the result of a message that this process remembers as completed, or `undefined` if it does not remember the
 * message.
 */
export const fromMemory = (delivery: Delivery, { done }: Memory): Result | undefined =>
  delivery.id !== undefined && done.get(delivery.id) === delivery.payloadHash
    ? toResult({ delivery }, duplicate())
    : undefined;

/**
 * Marks the messages that must not be processed, above all duplicates: a message that was already completed or
 * rejected, an attempt that already led to a retry or a dead letter, and every copy in the batch except the latest
 * attempt at its message.
 */
export const dedupe = async (messages: readonly BatchMessage[], batch: Batch): Promise<BatchMessage[]> =>
  pairCopies(await compareWithMarkers(messages, batch));

const isUnsettled = (message: BatchMessage): message is ValidMessage | InvalidMessage =>
  message.is === 'valid' || message.is === 'invalid';

async function compareWithMarkers(
  messages: readonly BatchMessage[],
  { queue, inbox, isForgotten, isExpired, clock }: Batch,
): Promise<readonly BatchMessage[]> {
  const ids = messages.flatMap((message) => (isUnsettled(message) ? (message.delivery.id ?? []) : []));
  const isLost = ({ delivery }: BatchMessage) => isForgotten(lastSentTimeOf(delivery));
  const mayLackRecord = (message: BatchMessage) =>
    mayBeCompleted(message) && isExpired(surehopSentTimeOf(message.delivery));
  if (!messages.some((message) => isUnsettled(message) && (mayBeRedelivered(message) || isLost(message))))
    return messages;
  try {
    const markers = await inbox.find(queue.name, ids);
    return messages.map((message) => {
      const { id } = message.delivery;
      if (!isUnsettled(message) || id === undefined) return message;
      const marker = markers.get(id);
      const compared = compareWithMarker(message, marker, clock.now());
      // After a restore of the table, a record of an unfinished message proves nothing: the message may have been completed
      // later.
      const isUnknown = isLost(compared) || (marker === undefined && mayLackRecord(compared));
      return compared.is === 'valid' && isUnknown ? toResult(compared, deadLetter('UNREMEMBERED')) : compared;
    });
  } catch (error) {
    return messages.map((message) =>
      isUnsettled(message) && message.delivery.id !== undefined ? toResult(message, unfinished(error)) : message,
    );
  }
}

const mayBeRedelivered = (message: BatchMessage) => mayBeCompleted(message) || message.delivery.envelope.redrives > 0;

/** Whether a consumer may have completed the message since it was published or redriven. */
const mayBeCompleted = ({ delivery: { redelivered, envelope } }: BatchMessage) =>
  redelivered || envelope.attempt > 1 || envelope.isPostponed;

function compareWithMarker(
  message: ValidMessage | InvalidMessage,
  marker: FoundMarker | undefined,
  nowMs: number,
): BatchMessage {
  if (!marker) return message;
  const { delivery } = message;
  if (marker.state === 'completed' || marker.state === 'rejected')
    return marker.payloadHash === delivery.payloadHash
      ? toResult(message, duplicate(marker.events))
      : toResult(message, deadLetter('PAYLOAD_MISMATCH'));
  if ('attempt' in marker && wasHandedOff(delivery, marker)) return toResult(message, fromFailedMarker(marker));
  return message.is === 'valid'
    ? { ...message, hasMarker: true, isAbandoned: isAbandonedLease(marker, nowMs) }
    : message;
}

export const wasHandedOff = ({ envelope, payloadHash }: Delivery, marker: Parameters<typeof isHandedOff>[0]): boolean =>
  isHandedOff(marker, { ...envelope, payloadHash });

/**
 * Selects the copy with the latest attempt if a batch contains several copies of a message. Without this selection,
 * both a message and its retry copy could be skipped as duplicates.
 */
function pairCopies(messages: readonly BatchMessage[]): BatchMessage[] {
  const latest = new Map<MessageId, ValidMessage>();
  const mismatched = new Set<BatchMessage>();
  for (const message of messages) {
    if (message.is !== 'valid') continue;
    const other = latest.get(message.id);
    if (other && other.delivery.payloadHash !== message.delivery.payloadHash) mismatched.add(message);
    else if (!other || compareAttempts(message.delivery.envelope, other.delivery.envelope) > 0)
      latest.set(message.id, message);
  }
  return messages.map((message): BatchMessage => {
    if (message.is !== 'valid') return message;
    if (mismatched.has(message)) return toResult(message, deadLetter('PAYLOAD_MISMATCH'));
    const of = latest.get(message.id)!;
    return of === message ? message : { is: 'copy', delivery: message.delivery, of };
  });
}

export const resultOfCopy = (copy: Copy, { outcome }: Result): Result =>
  toResult(copy, outcome.is === 'unfinished' ? outcome : duplicate());

export function rememberDone(results: readonly Result[], { done }: Memory): void {
  for (const { delivery, outcome } of results)
    if (delivery.id && outcomeTraits[outcome.is].isCommitted) done.set(delivery.id, delivery.payloadHash);
  forgetOldest(done);
}
