import { hash } from 'node:crypto';

import type { EventDefinition } from './define.ts';
import type { MessageId } from './message-id.ts';
import { nextSpan, readTrace } from './trace.ts';
import type { Headers, HeaderValue, Message, Properties } from './message.ts';

/** The header that says which shard of a queue a message belongs to: the same for the same key. */
export const KEY_HEADER = 'surehop-key';

/**
 * The headers that Surehop writes. The Amazon MQ event source passes on neither exchange nor routing key, and tells the
 * time without a zone, so a message carries what its settlement needs.
 */
const names = {
  key: KEY_HEADER,
  attempt: 'surehop-attempt',
  redrives: 'surehop-redrives',
  redrivenAt: 'surehop-redriven-at',
  exchange: 'surehop-exchange',
  routingKey: 'surehop-routing-key',
  publishedAt: 'surehop-published-at',
  schemaVersion: 'surehop-schema-version',
  deadLetterId: 'surehop-dead-letter-id',
  deadLetterCode: 'surehop-dead-letter-code',
  deadLetterReason: 'surehop-dead-letter-reason',
  deadLetterFrames: 'surehop-dead-letter-frames',
  deadLetterQueue: 'surehop-dead-letter-queue',
  deadLetteredAt: 'surehop-dead-lettered-at',
  leftOut: 'surehop-left-out',
} as const;

/** What the headers of a message tell, as far as they do. */
export interface Envelope {
  /** 1 is the first. */
  readonly attempt: number;
  /** How often it was redriven from the archive. */
  readonly redrives: number;
  /** When it was last redriven; ISO 8601. */
  readonly redrivenAt?: string;
  readonly exchange?: string;
  readonly routingKey?: string;
  /** ISO 8601. */
  readonly publishedAt?: string;
  readonly schemaVersion?: number;
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly deadLetter?: DeadLetterNote;
  /** Which parts of the original a copy had to leave out, and why. */
  readonly leftOut?: string;
}

/** Why a consumer gave up on a message, where and when. */
export interface DeadLetterNote {
  /** The same for every copy of one dead letter. */
  readonly id: MessageId;
  readonly code: string;
  readonly reason: string;
  /** Where in the service's code the rule failed, innermost first, as `path:line:column`. */
  readonly frames?: readonly string[];
  /** The broker's queue that it came from: a shard, where there are several. */
  readonly queue: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Lengths in characters: all headers must fit into one frame. */
const MAX_REASON_LENGTH = 1_000;
const MAX_CODE_LENGTH = 100;
const MAX_FRAMES_LENGTH = 1_000;

const text = (value: HeaderValue | undefined) => (typeof value === 'string' && value !== '' ? value : undefined);

const count = (value: HeaderValue | undefined, most = Number.MAX_SAFE_INTEGER) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most ? value : undefined;

/**
 * More than any copy of ours has. Another publisher may write any number, and one past these would count as further on than
 * whatever is sent back from the archive: that would pass for placed already.
 */
const MOST_ATTEMPTS = 999;
const MOST_REDRIVES = 1_000_000_000;

/** Reads the envelope; a header that is absent or of another type counts as not there. */
export function readEnvelope(headers: Headers): Envelope {
  const deadLetterId = text(headers[names.deadLetterId]);
  return {
    attempt: Math.min(Math.max(count(headers[names.attempt]) ?? 1, 1), MOST_ATTEMPTS),
    redrives: count(headers[names.redrives], MOST_REDRIVES) ?? 0,
    redrivenAt: text(headers[names.redrivenAt]),
    exchange: text(headers[names.exchange]),
    routingKey: text(headers[names.routingKey]),
    publishedAt: text(headers[names.publishedAt]),
    schemaVersion: count(headers[names.schemaVersion]),
    ...readTrace(text(traceHeader(headers, 'traceparent')), text(traceHeader(headers, 'tracestate'))),
    leftOut: text(headers[names.leftOut]),
    deadLetter: deadLetterId
      ? {
          id: deadLetterId as MessageId,
          code: text(headers[names.deadLetterCode]) ?? 'UNKNOWN_ERROR',
          reason: text(headers[names.deadLetterReason]) ?? '',
          frames: text(headers[names.deadLetterFrames])?.split('\n'),
          queue: text(headers[names.deadLetterQueue]) ?? '',
          at: text(headers[names.deadLetteredAt]) ?? '',
        }
      : undefined,
  };
}

/** The names of these two may be in any case (https://www.w3.org/TR/trace-context-2/#header-name). */
const traceHeader = (headers: Headers, name: 'traceparent' | 'tracestate'): HeaderValue | undefined =>
  headers[name] ?? Object.entries(headers).find(([other]) => other.toLowerCase() === name)?.[1];

function traceHeaders(from: { traceparent?: string; tracestate?: string }): Headers {
  const { traceparent, tracestate } = nextSpan(from);
  return { traceparent, ...(tracestate && { tracestate }) };
}

/** A new event as a message. `publishedAtMs` is the time of the publish, in ms since the epoch. */
export function eventMessage<T>(about: {
  event: Pick<EventDefinition<T>, 'type' | 'version' | 'exchange' | 'key'>;
  data: T;
  /** Where the event itself, read from the store, does not tell it any more. */
  key?: string;
  id: MessageId;
  correlationId: string;
  appId: string;
  publishedAtMs: number;
  traceparent?: string;
  tracestate?: string;
}): Message {
  const {
    event,
    data,
    key = event.key?.(data),
    id,
    correlationId,
    appId,
    publishedAtMs,
    traceparent,
    tracestate,
  } = about;
  return {
    exchange: event.exchange,
    routingKey: event.type,
    body: Buffer.from(JSON.stringify(data)),
    properties: {
      messageId: id,
      correlationId,
      type: event.type,
      appId,
      contentType: 'application/json',
      timestamp: Math.floor(publishedAtMs / 1_000),
      headers: {
        [names.exchange]: event.exchange,
        [names.routingKey]: event.type,
        [names.publishedAt]: new Date(publishedAtMs).toISOString(),
        [names.schemaVersion]: event.version,
        ...(key !== undefined && { [names.key]: shortKey(key) }),
        ...traceHeaders({ traceparent, tracestate }),
      },
    },
  };
}

/** Bytes of a key that is written as it is: all headers must fit into one frame. */
const MAX_KEY_BYTES = 4_096;

/** Tells which messages belong together, as the key itself does. */
const shortKey = (key: string) => (Buffer.byteLength(key) <= MAX_KEY_BYTES ? key : `sha256:${hash('sha256', key)}`);

/** A copy that comes back to `shard` through a retry tier, one attempt on. */
export const retryCopy = (message: CopySource, shard: string, tierExchange: string, attempt: number): Message => ({
  exchange: tierExchange,
  routingKey: shard,
  body: message.body,
  properties: withHeaders(message.properties, { [names.attempt]: attempt }),
});

/** A copy for the dead-letter exchange that says why, and what of the message it does not hold. */
export const deadLetterCopy = (
  message: CopySource,
  exchange: string,
  note: DeadLetterNote,
  leftOut?: string,
): Message => ({
  exchange,
  routingKey: cut(note.queue),
  body: message.body,
  properties: withHeaders(message.properties, { ...headersOf(note), ...(leftOut && { [names.leftOut]: leftOut }) }),
});

/** The smallest dead letter: id, body and reason, for a message of which nothing else can be written. */
export function bareDeadLetter(
  { body, properties: { messageId, headers } }: CopySource,
  exchange: string,
  note: DeadLetterNote,
  leftOut: string,
): Message {
  const { attempt, redrives } = readEnvelope(headers);
  return {
    exchange,
    routingKey: cut(note.queue),
    body,
    properties: {
      messageId,
      headers: {
        ...headersOf({ ...note, reason: note.reason.slice(0, 300), frames: undefined }),
        [names.attempt]: attempt,
        [names.redrives]: redrives,
        [names.leftOut]: leftOut.slice(0, 300),
      },
    },
  };
}

const headersOf = ({ id, code, reason, frames, queue, at }: DeadLetterNote): Headers => ({
  [names.deadLetterId]: id,
  [names.deadLetterCode]: code.slice(0, MAX_CODE_LENGTH),
  [names.deadLetterReason]: reason.slice(0, MAX_REASON_LENGTH),
  ...(frames?.length && { [names.deadLetterFrames]: frames.join('\n').slice(0, MAX_FRAMES_LENGTH) }),
  [names.deadLetterQueue]: cut(queue),
  [names.deadLetteredAt]: at,
});

/** A name within the 255 bytes that AMQP allows: none of a broker is longer. */
const cut = (name: string) => (Buffer.byteLength(name) <= 255 ? name : name.slice(0, 80));

/** A copy that goes from the archive back to work, its attempts counted afresh. */
export function redrivenCopy(
  message: CopySource,
  { exchange, routingKey }: Pick<Message, 'exchange' | 'routingKey'>,
  { redrives, at }: { readonly redrives: number; readonly at: string },
): Message {
  const kept = Object.entries(message.properties.headers).filter(([name]) => !name.startsWith('surehop-dead-letter'));
  const properties = { ...message.properties, headers: Object.fromEntries(kept) };
  return {
    exchange,
    routingKey,
    body: message.body,
    properties: withHeaders(properties, {
      [names.attempt]: 1,
      [names.redrives]: redrives,
      [names.redrivenAt]: at,
    }),
  };
}

/** What a copy is made of. */
export type CopySource = Pick<Message, 'body' | 'properties'>;

/**
 * Headers that only the broker may write (`x-death` and the like), and those that would route a copy elsewhere
 * (https://www.rabbitmq.com/docs/sender-selected).
 */
const notCopied = (name: string) =>
  name === 'CC' ||
  name === 'BCC' ||
  name === 'x-delivery-count' ||
  name === 'x-acquired-count' ||
  /^x-(first-|last-)?death/.test(name);

const withHeaders = (properties: Properties, added: Headers): Properties => ({
  ...properties,
  headers: {
    ...Object.fromEntries(Object.entries(properties.headers).filter(([name]) => !notCopied(name))),
    ...added,
  },
});
