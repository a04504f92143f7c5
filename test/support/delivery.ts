import { randomUUID } from 'node:crypto';

import { headerInEvent, Structure } from '../../lib/events/json-form.ts';
import type { HeaderValue } from '../../lib/events/message.ts';
import { decode, type Delivery, type RabbitMqEvent, type RabbitMqRecord } from '../../lib/message/delivery.ts';

/** A header value as a test specifies it, before it is encoded as in a Lambda event. */
export type GivenHeader = HeaderValue | readonly GivenHeader[] | { readonly [name: string]: GivenHeader };

export type GivenHeaders = Readonly<Record<string, GivenHeader>>;

interface About {
  readonly id?: string | null;
  readonly type?: string | null;
  readonly contentType?: string | null;
  readonly body?: unknown;
  /** The exact bytes of the message body. If `raw` is present, `body` is ignored. */
  readonly raw?: Buffer;
  readonly headers?: GivenHeaders;
  readonly redelivered?: boolean;
  readonly appId?: string;
  /** The AMQP property `timestamp`, as the event source writes it. Null if the message has no timestamp. */
  readonly timestamp?: string | null;
}

export function aRecord({
  id = randomUUID(),
  type = null,
  contentType = 'application/json',
  body = {},
  raw,
  headers = {},
  redelivered = false,
  appId = 'shop',
  timestamp = 'Nov 22, 2026, 12:33:41 PM',
}: About = {}): RabbitMqRecord {
  const data = raw ?? Buffer.from(JSON.stringify(body));
  return {
    basicProperties: {
      contentType,
      contentEncoding: null,
      headers: encodeTable(headers),
      deliveryMode: 2,
      priority: null,
      correlationId: id,
      replyTo: null,
      expiration: null,
      messageId: id,
      timestamp,
      type,
      userId: null,
      appId,
      clusterId: null,
      bodySize: data.length,
    },
    redelivered,
    data: data.toString('base64'),
  };
}

export const anEvent = (records: readonly RabbitMqRecord[], queue = 'loans'): RabbitMqEvent => ({
  eventSource: 'aws:rmq',
  eventSourceArn: 'arn:aws:mq:eu-central-1:123456789012:broker:shop:b-1',
  rmqMessagesByQueue: { [`${queue}::/`]: records },
});

export const aDelivery = (about: About = {}, queue = 'loans'): Delivery => decode(anEvent([aRecord(about)], queue))[0]!;

/** Encodes a header value like Lambda's event source, which writes each string as an array of signed bytes. */
function encodeHeader(value: GivenHeader): unknown {
  if (Array.isArray(value)) return value.map(encodeHeader);
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value) || value instanceof Structure)
    return headerInEvent(value);
  return encodeTable(value as GivenHeaders);
}

export const encodeTable = (table: GivenHeaders) =>
  Object.fromEntries(Object.entries(table).map(([name, value]) => [name, encodeHeader(value)]));

export function anInvocation(timeoutMs = 60_000): { getRemainingTimeInMillis(): number } {
  const end = Date.now() + timeoutMs;
  return { getRemainingTimeInMillis: () => end - Date.now() };
}

/** The counters of a message at its first delivery: no redrive, and the first attempt. */
export const firstAttempt = { redrives: 0, attempt: 1 } as const;
