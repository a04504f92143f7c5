import type { Delivery } from '../consumer/delivery.ts';
import type { DeadLetter } from './dead-letter.ts';

/** Where a dead letter comes from, and why it is one. */
export type Origin = Pick<DeadLetter, 'id' | 'queue' | 'shard' | 'code' | 'reason' | 'frames' | 'deadLetteredAt'>;

/** Lengths in characters: whatever a message claims, its record fits into one item, and its keys into the indexes. */
const MAX_TEXT_LENGTH = 500;
const MAX_CODE_LENGTH = 100;
const MAX_REASON_LENGTH = 1_000;
const MAX_UNWRITABLE_LENGTH = 1_000;
const MAX_FRAMES_LENGTH = 1_000;

/** The record of a dead letter from `origin`, a message that was delivered or one that could not be sent. */
export function letterOf(
  delivery: Pick<Delivery, 'id' | 'body' | 'properties' | 'envelope' | 'payloadHash'>,
  origin: Origin,
  nowMs: number,
): DeadLetter {
  const { id: messageId, properties, envelope, payloadHash, body } = delivery;
  const { timestamp } = properties;
  return {
    id: origin.id,
    queue: text(origin.queue),
    shard: text(origin.shard),
    code: origin.code.slice(0, MAX_CODE_LENGTH),
    reason: origin.reason.slice(0, MAX_REASON_LENGTH),
    frames: origin.frames?.slice(0, MAX_FRAMES_LENGTH),
    deadLetteredAt: origin.deadLetteredAt,
    unwritable: envelope.leftOut?.slice(0, MAX_UNWRITABLE_LENGTH),
    messageId,
    type: text(properties.type),
    correlationId: text(properties.correlationId),
    attempt: envelope.attempt,
    redrives: envelope.redrives,
    publishedAt:
      isoTime(envelope.publishedAt) ?? isoTime(typeof timestamp === 'number' ? timestamp * 1_000 : undefined),
    archivedAt: new Date(nowMs).toISOString(),
    traceparent: text(envelope.traceparent),
    status: 'open',
    timesRedriven: 0,
    history: [],
    payloadHash,
    bodyBytes: body.length,
  };
}

/** Also of what should be text and is not. */
const text = (value: unknown) =>
  typeof value === 'string' && value !== '' ? value.slice(0, MAX_TEXT_LENGTH) : undefined;

/** A time as ISO 8601; undefined where it is none, or lies where its texts no longer sort. */
export function isoTime(time: string | number | undefined): string | undefined {
  const date = new Date(time ?? Number.NaN);
  const year = date.getUTCFullYear();
  return year >= 1 && year <= 9_999 ? date.toISOString() : undefined;
}
