import { hash } from 'node:crypto';

import { readEnvelope, type Envelope } from '../events/envelope.ts';
import { decodeHeaders, readDate, writeJson } from '../events/json-form.ts';
import type { Headers, HeaderValue, Properties } from '../events/message.ts';
import type { MessageId } from '../events/message-id.ts';

/** What the Amazon MQ for RabbitMQ event source invokes a function with (https://docs.aws.amazon.com/lambda/latest/dg/with-mq.html). */
export interface RabbitMqEvent {
  readonly eventSource: string;
  readonly eventSourceArn: string;
  /** By `queue::virtualHost`. */
  readonly rmqMessagesByQueue: Readonly<Record<string, readonly RabbitMqRecord[]>>;
}

export interface RabbitMqRecord {
  readonly basicProperties: Readonly<Record<string, unknown>>;
  readonly redelivered: boolean;
  /** The body in base64. */
  readonly data: string;
}

/** One message as it was delivered. */
export interface Delivery {
  /** The broker's queue, which is a shard of the consumer's where that has several. */
  readonly queue: string;
  /** Absent where the publisher gave none. */
  readonly id?: MessageId;
  readonly body: Buffer;
  /** SHA-256 of the body, hex. */
  readonly payloadHash: string;
  readonly properties: Properties;
  readonly envelope: Envelope;
  readonly redelivered: boolean;
  /** How often the broker handed it out before, as far as it counts (4.3: `x-acquired-count`, earlier: `x-delivery-count`). */
  readonly deliveryCount: number;
  /** What is wrong with the record, where it is not as the event source writes records: no rule may see it. */
  readonly fault?: { readonly code: 'MALFORMED' | 'MISSING_MESSAGE_ID'; readonly message: string };
}

/**
 * The deliveries of an event, in its order; a record that cannot be read has a fault. Throws for an event that is not one of
 * Amazon MQ for RabbitMQ.
 */
export function decode(event: RabbitMqEvent): Delivery[] {
  if (event?.eventSource !== 'aws:rmq' || !isObject(event.rmqMessagesByQueue))
    throw new TypeError(`not an event of Amazon MQ for RabbitMQ: its eventSource is ${printed(event?.eventSource)}`);
  return Object.entries<unknown>(event.rmqMessagesByQueue).flatMap(([queueAndHost, records]) => {
    const end = queueAndHost.lastIndexOf('::');
    const queue = end < 0 ? queueAndHost : queueAndHost.slice(0, end);
    return (Array.isArray(records) ? (records as unknown[]) : [records]).map((record) => decodeRecord(queue, record));
  });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const printed = (value: unknown) => (writeJson(value) ?? '').slice(0, 100);

function decodeRecord(queue: string, record: unknown): Delivery {
  const { basicProperties, redelivered, data }: Record<string, unknown> = isObject(record) ? record : {};
  const raw = isObject(basicProperties) ? basicProperties : {};
  const headers = decodeHeaders(raw.headers);
  const decoded = typeof data === 'string' ? decodeBase64(data) : undefined;
  const recordFault = !isObject(record)
    ? 'the record is not an object'
    : !isObject(basicProperties)
      ? 'the record has no basicProperties'
      : decoded
        ? undefined
        : 'the data of the record is not base64';
  const id = idFault(raw.messageId);
  const fault = recordFault
    ? ({ code: 'MALFORMED', message: recordFault } as const)
    : id
      ? ({ code: 'MISSING_MESSAGE_ID', message: id } as const)
      : undefined;
  // What is not a body is kept all the same, as the record that it came in.
  const body = decoded ?? Buffer.from(writeJson(record));
  const envelope = readEnvelope(headers);
  const properties = {
    messageId: given(raw.messageId),
    correlationId: given(raw.correlationId),
    type: given(raw.type),
    appId: given(raw.appId),
    contentType: given(raw.contentType),
    contentEncoding: given(raw.contentEncoding),
    replyTo: given(raw.replyTo),
    priority: raw.priority ?? undefined,
    timestamp: decodeTimestamp(raw.timestamp, envelope.publishedAt),
    headers,
  } as Properties;
  return {
    queue,
    id: fault || !properties.messageId ? undefined : (properties.messageId as MessageId),
    body,
    payloadHash: hash('sha256', body),
    properties,
    envelope,
    redelivered: redelivered === true,
    deliveryCount: redelivered === true ? deliveryCountIn(headers) : 0,
    fault,
  };
}

/** What AMQP allows. */
const MAX_ID_BYTES = 255;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Why a message id does not tell one message from every other. */
function idFault(id: unknown): string | undefined {
  if (id === undefined || id === null) return undefined;
  if (typeof id !== 'string') return `the message id is a ${typeof id}, not text`;
  if (Buffer.byteLength(id) > MAX_ID_BYTES) return `the message id has more than ${MAX_ID_BYTES} bytes`;
  // The event source puts U+FFFD for each byte that is not UTF-8: other ids look the same.
  return id.includes('\ufffd') || LONE_SURROGATE.test(id) ? 'the message id is not UTF-8' : undefined;
}

/** Undefined for what is not base64, which `Buffer.from` would read in part. */
function decodeBase64(data: string): Buffer | undefined {
  const body = Buffer.from(data, 'base64');
  return body.toString('base64') === data ? body : undefined;
}

/** Also of another type than it should have: what cannot be written into a copy is named there. */
const given = (value: unknown) => value ?? undefined;

/** The broker writes these with the second delivery: before, a header of the name is what the publisher made up, or copied. */
const deliveryCountIn = (headers: Headers): number =>
  countOf(headers['x-acquired-count']) ?? countOf(headers['x-delivery-count']) ?? 0;

const countOf = (value: HeaderValue | undefined) => (typeof value === 'number' ? value : undefined);

/** Time zones differ by quarters of an hour. */
const ZONE_SECONDS = 900;

/**
 * The event shows the timestamp as a text without a zone, taken as UTC. Where our own ISO header is the same time in another
 * zone, it is right. A text that is not a date stays as it is.
 */
function decodeTimestamp(timestamp: unknown, publishedAt?: string): unknown {
  if (typeof timestamp !== 'string') return timestamp ?? undefined;
  const seconds = readDate(timestamp);
  const published = Math.floor(Date.parse(publishedAt ?? '') / 1_000);
  if (seconds === undefined) return timestamp;
  return (seconds - published) % ZONE_SECONDS === 0 ? published : seconds;
}
