import { hash } from 'node:crypto';

import { readCloudEvent, timeOfCloudEvent } from '../events/cloud-event.ts';
import { readEnvelope, type Envelope } from '../events/envelope.ts';
import type { Identity } from '../events/identity.ts';
import { decodeHeaders, readDate, writeJson } from '../events/json-form.ts';
import type { Headers, HeaderValue, Properties } from '../events/message.ts';
import type { MessageId } from '../events/message-id.ts';
import { readTrace } from '../events/trace.ts';
import type { ParsedJson } from '../runtime/json.ts';
import { identityOf, type Fault, type Identify } from './identify.ts';

/**
 * The event that Lambda passes to a function with Amazon MQ for RabbitMQ as its event source
 * (https://docs.aws.amazon.com/lambda/latest/dg/with-mq.html).
 */
export interface RabbitMqEvent {
  readonly eventSource: string;
  readonly eventSourceArn: string;
  /** The messages by queue. The keys have the form `queue::virtualHost`. */
  readonly rmqMessagesByQueue: Readonly<Record<string, readonly RabbitMqRecord[]>>;
}

export interface RabbitMqRecord {
  readonly basicProperties: Readonly<Record<string, unknown>>;
  readonly redelivered: boolean;
  readonly data: string;
}

/** One delivered message. */
export interface Delivery {
  /** The queue that delivered the message. For a consumer of a sharded queue, this is the name of a shard. */
  readonly queue: string;
  /** The id of the message. Absent if the message has no id. */
  readonly id?: MessageId;
  /**
   * The id, type and version that the function `identify` or a CloudEvent gave to the message. Absent if the message id
   * is the AMQP property `message-id`.
   */
  readonly identity?: Identity;
  readonly body: Buffer;
  /**
   * The data of a CloudEvent in structured mode. Absent for every other message, because its whole body is the data.
   */
  readonly data?: ParsedJson;
  /** When the event occurred, if the message is a CloudEvent with a time. */
  readonly occurredAt?: string;
  /** The SHA-256 hash of the body in hex. */
  readonly payloadHash: string;
  readonly properties: Properties;
  readonly envelope: Envelope;
  readonly redelivered: boolean;
  /** How many times RabbitMQ delivered the message before this delivery. */
  readonly deliveryCount: number;
  /** Why no business rule can process the message, for example because the message cannot be identified. */
  readonly fault?: Fault;
}

/**
 * Decodes the deliveries in a Lambda event, in the order of the event. Throws an error if Amazon MQ for RabbitMQ did
 * not send the event.
 */
export function decode(event: RabbitMqEvent, identify?: Identify): Delivery[] {
  if (event?.eventSource !== 'aws:rmq' || !isObject(event.rmqMessagesByQueue))
    throw new TypeError(
      `the Lambda event is not an event of Amazon MQ for RabbitMQ: its eventSource is ${printed(event?.eventSource)}, not "aws:rmq"`,
    );
  return Object.entries<unknown>(event.rmqMessagesByQueue).flatMap(([queueAndHost, records]) => {
    const end = queueAndHost.lastIndexOf('::');
    const queue = end < 0 ? queueAndHost : queueAndHost.slice(0, end);
    return (Array.isArray(records) ? (records as unknown[]) : [records]).map((record) =>
      decodeRecord(queue, record, identify),
    );
  });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const printed = (value: unknown) => (writeJson(value) ?? '').slice(0, 100);

function decodeRecord(queue: string, record: unknown, identify: Identify | undefined): Delivery {
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
  // If the body cannot be decoded, the dead letter keeps the whole record as its body.
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
  const delivery = {
    queue,
    id: undefined,
    fault: undefined,
    body,
    payloadHash: hash('sha256', body),
    properties,
    envelope,
    redelivered: redelivered === true,
    deliveryCount: redelivered === true ? deliveryCountIn(headers) : 0,
  };
  if (recordFault) return { ...delivery, fault: { code: 'MALFORMED', message: recordFault } };
  const cloudEvent = readCloudEvent(delivery);
  const identified = identityOf(delivery, cloudEvent, identify);
  if (!cloudEvent) return { ...delivery, ...identified };
  const { attribute } = cloudEvent;
  const trace = envelope.traceparent
    ? {}
    : readTrace({ traceparent: text(attribute('traceparent')), tracestate: text(attribute('tracestate')) });
  return {
    ...delivery,
    ...identified,
    envelope: { ...envelope, ...trace },
    data: cloudEvent.data,
    occurredAt: timeOfCloudEvent(cloudEvent),
  };
}

const text = (value: unknown) => (typeof value === 'string' ? value : undefined);

/**
 * Decodes base64. Returns `undefined` for invalid base64, because `Buffer.from` would silently decode only a part of
 * the text.
 */
function decodeBase64(data: string): Buffer | undefined {
  const body = Buffer.from(data, 'base64');
  return body.toString('base64') === data ? body : undefined;
}

const given = (value: unknown) => value ?? undefined;

/**
 * Returns how often RabbitMQ delivered a message before. RabbitMQ 4.3 and later write this number into the header
 * `x-acquired-count`, and earlier versions write it into `x-delivery-count`.
 */
const deliveryCountIn = (headers: Headers): number =>
  Math.max(countOf(headers['x-acquired-count']), countOf(headers['x-delivery-count']));

const countOf = (value: HeaderValue | undefined) => (typeof value === 'number' ? value : 0);

const ZONE_SECONDS = 900;

/**
 * Converts the AMQP timestamp of a message to seconds since the epoch. The event source writes the timestamp without a
 * time zone.
 */
function decodeTimestamp(timestamp: unknown, publishedAt?: string): unknown {
  if (typeof timestamp !== 'string') return timestamp ?? undefined;
  const seconds = readDate(timestamp);
  const published = Math.floor(Date.parse(publishedAt ?? '') / 1_000);
  if (seconds === undefined) return timestamp;
  return (seconds - published) % ZONE_SECONDS === 0 ? published : seconds;
}
