import type { Delivery } from '../consumer/delivery.ts';
import type { Properties } from '../events/message.ts';
import type { MessageId } from '../events/message-id.ts';

/** Why a message is here, where it came from and what was done about it since; all but the message itself. */
export interface DeadLetter {
  readonly id: string;
  readonly messageId?: MessageId;
  readonly type?: string;
  readonly correlationId?: string;
  /** The queue that it came from; absent where nothing tells. */
  readonly queue?: string;
  /** The shard of that queue, where it is sharded: the way back. */
  readonly shard?: string;
  readonly code: string;
  readonly reason: string;
  /** Which parts of the message could not be written into a copy, and why: left out here, or in the way of a redrive. */
  readonly unwritable?: string;
  /** Where in the service's code its rule failed, a line a frame, innermost first; absent where no rule did. */
  readonly frames?: string;
  /** The attempt that was its last. */
  readonly attempt: number;
  /** How often it had been redriven when it failed. */
  readonly redrives: number;
  /** ISO 8601, as every time here. */
  readonly publishedAt?: string;
  readonly deadLetteredAt: string;
  readonly archivedAt: string;
  readonly traceparent?: string;
  readonly status: DeadLetterStatus;
  /** How often a copy was sent back from here. */
  readonly timesRedriven: number;
  readonly history: readonly ArchiveAction[];
  readonly payloadHash: string;
  readonly bodyBytes: number;
}

export const deadLetterStatuses = ['open', 'redriven', 'discarded'] as const;

export type DeadLetterStatus = (typeof deadLetterStatuses)[number];

/** What somebody did with a dead letter. `redrives` is the number that the copy carries. */
export type ArchiveAction =
  | { readonly is: 'redriven'; readonly at: string; readonly redrives: number }
  | { readonly is: 'discarded'; readonly at: string; readonly reason: string };

/** The message itself. */
export interface ArchivedMessage {
  readonly body: Buffer;
  readonly properties: Properties;
}

/** Where a dead letter comes from, and why it is one. */
export type Origin = Pick<DeadLetter, 'id' | 'queue' | 'shard' | 'code' | 'reason' | 'frames' | 'deadLetteredAt'>;

/** Lengths in characters: whatever a message claims, its record fits into one item, and its keys into the indexes. */
const MAX_TEXT_LENGTH = 500;
const MAX_CODE_LENGTH = 100;
const MAX_REASON_LENGTH = 1_000;
const MAX_UNWRITABLE_LENGTH = 1_000;
const MAX_FRAMES_LENGTH = 1_000;

/** The record of a dead letter from `origin`, a message that was delivered or one that could not be sent. */
export function toDeadLetter(
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
