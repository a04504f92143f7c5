import { hash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';

import { readEnvelope, type Envelope } from '../broker/envelope.ts';
import type { Headers, HeaderValue, Properties } from '../broker/message.ts';
import type { MessageId } from '../message-id.ts';

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
}

/** The deliveries of an event, in its order. Throws for an event that is not one of Amazon MQ for RabbitMQ. */
export function decode(event: RabbitMqEvent): Delivery[] {
  if (event?.eventSource !== 'aws:rmq' || typeof event.rmqMessagesByQueue !== 'object')
    throw new TypeError(
      `not an event of Amazon MQ for RabbitMQ: its eventSource is ${JSON.stringify(event?.eventSource)}`,
    );
  return Object.entries(event.rmqMessagesByQueue).flatMap(([queueAndHost, records]) => {
    const queue = queueAndHost.slice(0, queueAndHost.lastIndexOf('::'));
    return records.map((record) => decodeRecord(queue, record));
  });
}

function decodeRecord(queue: string, { basicProperties: raw, redelivered, data }: RabbitMqRecord): Delivery {
  const headers = decodeHeaders(raw.headers);
  const body = Buffer.from(data, 'base64');
  const envelope = readEnvelope(headers);
  const properties: Properties = {
    messageId: text(raw.messageId),
    correlationId: text(raw.correlationId),
    type: text(raw.type),
    appId: text(raw.appId),
    contentType: text(raw.contentType),
    contentEncoding: text(raw.contentEncoding),
    replyTo: text(raw.replyTo),
    priority: typeof raw.priority === 'number' ? raw.priority : undefined,
    timestamp: decodeTimestamp(raw.timestamp, envelope.publishedAt),
    headers,
  };
  return {
    queue,
    id: properties.messageId as MessageId | undefined,
    body,
    payloadHash: hash('sha256', body),
    properties,
    envelope,
    redelivered,
    deliveryCount: countOf(headers['x-acquired-count']) ?? countOf(headers['x-delivery-count']) ?? 0,
  };
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);

const countOf = (value: HeaderValue | undefined) => (typeof value === 'number' ? value : undefined);

/** Our own ISO header where there is one: the event's timestamp is a locale string without a zone, taken as UTC. */
function decodeTimestamp(timestamp: unknown, publishedAt?: string): number | undefined {
  const zoned = typeof timestamp === 'string' ? `${timestamp.replaceAll('\u202f', ' ')} UTC` : undefined;
  const ms = Date.parse(publishedAt ?? zoned ?? '');
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1_000);
}

const decodeHeaders = (headers: unknown): Headers => (isTable(headers) ? mapValues(headers) : {});

/** A string arrives as its bytes, `{ bytes: [...] }`, perhaps signed; numbers, booleans, tables and arrays as themselves. */
function decodeHeader(value: unknown): HeaderValue {
  if (Array.isArray(value)) return value.map(decodeHeader);
  if (isTable(value)) return isByteString(value) ? decodeBytes(value.bytes) : mapValues(value);
  return value as HeaderValue;
}

const mapValues = (table: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(table).map(([name, value]) => [name, decodeHeader(value)]));

const isTable = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const isByteString = (value: Record<string, unknown>): value is { bytes: number[] } =>
  Array.isArray(value.bytes) &&
  Object.keys(value).length === 1 &&
  value.bytes.every((byte) => typeof byte === 'number');

/** As many arguments as any engine takes. */
const MAX_SHORT = 1_024;

const isAscii = (byte: number) => byte >= 0 && byte < 0x80;

function decodeBytes(bytes: readonly number[]): string | Buffer {
  // Nearly all are short and ASCII, for which a buffer of their own costs four times as much.
  if (bytes.length <= MAX_SHORT && bytes.every(isAscii)) return String.fromCharCode(...bytes);
  // Negative ones wrap round.
  const buffer = Buffer.from(bytes as number[]);
  return isUtf8(buffer) ? buffer.toString() : buffer;
}
