import { propertiesInEvent } from '../../lib/rabbitmq/decode-properties.ts';
import type { PropertyBytes } from '../../lib/rabbitmq/decode-properties.ts';

/** What of a received message the event shows. */
export interface DeliveredMessage {
  content: Buffer;
  fields: { redelivered: boolean };
  properties: { bytes: PropertyBytes };
}

/** Where an event comes from. */
export interface EventOrigin {
  eventSourceArn: string;
  queue: string;
  virtualHost: string;
}

/** Most bytes of one invocation's payload: Lambda's 6 MB. */
export const maxPayloadBytes = 6 * 1024 * 1024;

/** The record that the function sees of a delivered message, as JSON. */
export function recordJson({ content, fields, properties }: DeliveredMessage): string {
  const basicProperties = propertiesInEvent(properties.bytes, content.length);
  return `{"basicProperties":${basicProperties},"redelivered":${fields.redelivered},"data":"${content.toString('base64')}"}`;
}

/** The invocation's payload from records that are JSON already, so that each is written and measured once. */
export function eventJson({ eventSourceArn, queue, virtualHost }: EventOrigin, recordsJson: string[]): string {
  const key = JSON.stringify(`${queue}::${virtualHost}`);
  const arn = JSON.stringify(eventSourceArn);
  return `{"eventSource":"aws:rmq","eventSourceArn":${arn},"rmqMessagesByQueue":{${key}:[${recordsJson.join(',')}]}}`;
}
