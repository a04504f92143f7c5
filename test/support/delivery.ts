import { randomUUID } from 'node:crypto';

import { decode, type Delivery, type RabbitMqEvent, type RabbitMqRecord } from '../../lib/consume/delivery.ts';
import type { HeaderValue } from '../../lib/broker/message.ts';

interface About {
  readonly id?: string | null;
  readonly type?: string | null;
  readonly body?: unknown;
  /** Instead of `body`. */
  readonly raw?: Buffer;
  readonly headers?: Record<string, HeaderValue>;
  readonly redelivered?: boolean;
}

/** A record as the event source writes it. */
export function aRecord({
  id = randomUUID(),
  type = null,
  body = {},
  raw,
  headers = {},
  redelivered = false,
}: About = {}): RabbitMqRecord {
  const data = raw ?? Buffer.from(JSON.stringify(body));
  return {
    basicProperties: {
      contentType: 'application/json',
      contentEncoding: null,
      headers: encodeTable(headers),
      deliveryMode: 2,
      priority: null,
      correlationId: id,
      replyTo: null,
      expiration: null,
      messageId: id,
      timestamp: 'Nov 22, 2026, 12:33:41 PM',
      type,
      userId: null,
      appId: 'shop',
      clusterId: null,
      bodySize: data.length,
    },
    redelivered,
    data: data.toString('base64'),
  };
}

export const anEvent = (records: readonly RabbitMqRecord[], queue = 'stock'): RabbitMqEvent => ({
  eventSource: 'aws:rmq',
  eventSourceArn: 'arn:aws:mq:eu-central-1:123456789012:broker:shop:b-1',
  rmqMessagesByQueue: { [`${queue}::/`]: records },
});

export const aDelivery = (about: About = {}, queue = 'stock'): Delivery => decode(anEvent([aRecord(about)], queue))[0]!;

/** Strings as signed bytes, as the event source's Java writes them. */
function encodeHeader(value: HeaderValue): unknown {
  if (typeof value === 'string') return encodeHeader(Buffer.from(value));
  if (Buffer.isBuffer(value)) return { bytes: [...new Int8Array(value)] };
  if (Array.isArray(value)) return value.map(encodeHeader);
  if (typeof value === 'object' && value !== null) return encodeTable(value as Record<string, HeaderValue>);
  return value;
}

const encodeTable = (table: Record<string, HeaderValue>) =>
  Object.fromEntries(Object.entries(table).map(([name, value]) => [name, encodeHeader(value)]));
