import { javaDate, toHeaderTable } from './header-value.ts';
import type { HeaderValue } from './header-value.ts';

/** What of an amqplib message the event shows. */
export interface DeliveredMessage {
  content: Buffer;
  fields: { redelivered: boolean };
  properties: {
    contentType?: string;
    contentEncoding?: string;
    headers?: Record<string, unknown>;
    deliveryMode?: number;
    priority?: number;
    correlationId?: string;
    replyTo?: string;
    expiration?: string;
    messageId?: string;
    timestamp?: number;
    type?: string;
    userId?: string;
    appId?: string;
    clusterId?: string;
  };
}

/** One message of the event, keys in the order of AWS's documented sample. */
export interface EventRecord {
  basicProperties: {
    contentType: string | null;
    contentEncoding: string | null;
    headers: { [name: string]: HeaderValue } | null;
    deliveryMode: number;
    priority: number | null;
    correlationId: string | null;
    replyTo: string | null;
    expiration: string | null;
    messageId: string | null;
    timestamp: string | null;
    type: string | null;
    userId: string | null;
    appId: string | null;
    clusterId: string | null;
    bodySize: number;
  };
  redelivered: boolean;
  data: string;
}

/** Where an event comes from. */
export interface EventOrigin {
  eventSourceArn: string;
  queue: string;
  virtualHost: string;
}

/** Most bytes of one invocation's payload: Lambda's 6 MB. */
export const maxPayloadBytes = 6 * 1024 * 1024;

const transient = 1;

/** Turns a delivered message into the record that the function sees. */
export function toRecord({ content, fields, properties }: DeliveredMessage): EventRecord {
  return {
    basicProperties: {
      contentType: properties.contentType ?? null,
      contentEncoding: properties.contentEncoding ?? null,
      headers: properties.headers ? toHeaderTable(properties.headers) : null,
      deliveryMode: properties.deliveryMode ?? transient,
      priority: properties.priority ?? null,
      correlationId: properties.correlationId ?? null,
      replyTo: properties.replyTo ?? null,
      expiration: properties.expiration ?? null,
      messageId: properties.messageId ?? null,
      timestamp: properties.timestamp === undefined ? null : javaDate(properties.timestamp),
      type: properties.type ?? null,
      userId: properties.userId ?? null,
      appId: properties.appId ?? null,
      clusterId: properties.clusterId ?? null,
      bodySize: content.length,
    },
    redelivered: fields.redelivered,
    data: content.toString('base64'),
  };
}

/** The invocation's payload from records that are JSON already, so that each is written and measured once. */
export function eventJson({ eventSourceArn, queue, virtualHost }: EventOrigin, recordsJson: string[]): string {
  const key = JSON.stringify(`${queue}::${virtualHost}`);
  const arn = JSON.stringify(eventSourceArn);
  return `{"eventSource":"aws:rmq","eventSourceArn":${arn},"rmqMessagesByQueue":{${key}:[${recordsJson.join(',')}]}}`;
}
