import { readFailedAttempts, type FailedAttempt } from './failed-attempts.ts';
import { idFault, type Identity } from './identity.ts';
import type { MessageId } from './message-id.ts';
import type { Headers, HeaderValue } from './message.ts';
import { readTrace, type Trace } from './trace.ts';

/** The header with the key of a message. Messages with the same key go to the same shard of a queue. */
export const KEY_HEADER = 'surehop-key';

/**
 * The message headers that Surehop writes. They contain everything that a retry or a dead letter needs, because the
 * Amazon MQ event source passes on neither the exchange nor the routing key.
 */
export const headerNames = {
  key: KEY_HEADER,
  attempt: 'surehop-attempt',
  failedAttempts: 'surehop-failed-attempts',
  redrives: 'surehop-redrives',
  redrivenAt: 'surehop-redriven-at',
  postponed: 'surehop-postponed',
  exchange: 'surehop-exchange',
  routingKey: 'surehop-routing-key',
  publishedAt: 'surehop-published-at',
  schemaVersion: 'surehop-schema-version',
  identifiedId: 'surehop-identified-id',
  identifiedType: 'surehop-identified-type',
  identifiedVersion: 'surehop-identified-version',
  deadLetterId: 'surehop-dead-letter-id',
  deadLetterCode: 'surehop-dead-letter-code',
  deadLetterReason: 'surehop-dead-letter-reason',
  deadLetterFrames: 'surehop-dead-letter-frames',
  deadLetterQueue: 'surehop-dead-letter-queue',
  deadLetteredAt: 'surehop-dead-lettered-at',
  leftOut: 'surehop-left-out',
  editedFrom: 'surehop-edited-from',
  previousSpan: 'surehop-previous-span',
} as const;

/** The values of Surehop's headers in a message. All times are in ISO 8601. */
export interface Envelope extends Partial<Trace> {
  /** The number of the attempt to process the message, starting at 1. */
  readonly attempt: number;
  /** The failed attempts since the message was published or redriven, oldest first. Absent if no attempt has failed. */
  readonly failedAttempts?: readonly FailedAttempt[];
  /** How many times the message was redriven from the archive. */
  readonly redrives: number;
  readonly redrivenAt?: string;
  /** Whether this copy was published because the message was postponed. */
  readonly isPostponed: boolean;
  readonly exchange?: string;
  readonly routingKey?: string;
  readonly publishedAt?: string;
  readonly schemaVersion?: number;
  /**
   * The id, type and version that a consumer determined for the message and wrote into the headers of this copy, for
   * example because the publisher gave the message no id.
   */
  readonly identity?: Identity;
  readonly deadLetter?: DeadLetterNote;
  /** Which parts of the original message are missing in this copy, and why. */
  readonly leftOut?: string;
  /** The id of the dead letter that an operator edited to create this message. Absent if the message was not edited. */
  readonly editedFrom?: string;
  /**
   * The span that published this copy of the message, in the format of `traceparent`. Absent if the message is not
   * traced.
   */
  readonly previousSpan?: string;
}

/** Why, where and when a consumer dead-lettered a message. */
export interface DeadLetterNote {
  /** The id of the dead letter. Every copy of the dead letter has this id. */
  readonly id: MessageId;
  readonly code: string;
  readonly reason: string;
  /** The error's stack frames in the service's own code, innermost first, as `path:line:column`. */
  readonly frames?: readonly string[];
  /** The queue that delivered the message. For a sharded queue, this is the name of the shard. */
  readonly queue: string;
  readonly at: string;
}

const MAX_ATTEMPT = 999;
/**
 * The largest redrive count that a consumer accepts in the header of a message. A redrive that would exceed this count
 * must not be published.
 */
export const MAX_REDRIVES = 1_000_000_000;

/** Reads Surehop's headers from a message. A header of the wrong type is treated as absent. */
export function readEnvelope(headers: Headers): Envelope {
  const text = (name: keyof typeof headerNames) => nonEmpty(headers[headerNames[name]]);
  const count = (name: keyof typeof headerNames, max?: number) => nonNegative(headers[headerNames[name]], max);
  const deadLetterId = text('deadLetterId');
  const identifiedId = text('identifiedId');
  const failedAttempts = text('failedAttempts');
  return {
    attempt: Math.min(Math.max(count('attempt') ?? 1, 1), MAX_ATTEMPT),
    failedAttempts: failedAttempts === undefined ? undefined : readFailedAttempts(failedAttempts),
    redrives: count('redrives', MAX_REDRIVES) ?? 0,
    redrivenAt: text('redrivenAt'),
    isPostponed: headers[headerNames.postponed] === true,
    exchange: text('exchange'),
    routingKey: text('routingKey'),
    publishedAt: text('publishedAt'),
    schemaVersion: count('schemaVersion'),
    identity:
      identifiedId !== undefined && !idFault(identifiedId)
        ? { id: identifiedId as MessageId, type: text('identifiedType'), version: count('identifiedVersion') }
        : undefined,
    ...readTrace({
      traceparent: traceHeader(headers, 'traceparent'),
      tracestate: traceHeader(headers, 'tracestate'),
      baggage: traceHeader(headers, 'baggage'),
    }),
    previousSpan: readTrace({ traceparent: text('previousSpan') }).traceparent,
    leftOut: text('leftOut'),
    editedFrom: text('editedFrom'),
    deadLetter: deadLetterId
      ? {
          id: deadLetterId as MessageId,
          code: text('deadLetterCode') ?? 'UNKNOWN_ERROR',
          reason: text('deadLetterReason') ?? '',
          frames: text('deadLetterFrames')?.split('\n'),
          queue: text('deadLetterQueue') ?? '',
          at: text('deadLetteredAt') ?? '',
        }
      : undefined,
  };
}

const nonEmpty = (value: HeaderValue | undefined) => (typeof value === 'string' && value !== '' ? value : undefined);

const nonNegative = (value: HeaderValue | undefined, max = Number.MAX_SAFE_INTEGER) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max ? value : undefined;

/**
 * Reads a trace header. The names of trace headers are case-insensitive
 * (https://www.w3.org/TR/trace-context-2/#header-name).
 */
const traceHeader = (headers: Headers, name: keyof Trace): string | undefined =>
  nonEmpty(headers[name] ?? headers[Object.keys(headers).find((other) => other.toLowerCase() === name) ?? name]);

/**
 * Returns the headers that contain the id, type and version of a message. Each copy of the message gets these headers.
 */
export const identityHeaders = (identity: Identity | undefined): Headers => {
  if (!identity) return {};
  const { id, type, version } = identity;
  return {
    [headerNames.identifiedId]: id,
    ...(type !== undefined && { [headerNames.identifiedType]: type }),
    ...(version !== undefined && { [headerNames.identifiedVersion]: version }),
  };
};
