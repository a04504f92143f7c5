import { propertiesInEvent } from '../../lib/rabbitmq/decode-properties.ts';
import type { PropertyBytes } from '../../lib/rabbitmq/decode-properties.ts';

/** The parts of a received message that appear in the event. */
export interface DeliveredMessage {
  content: Buffer;
  fields: { redelivered: boolean };
  properties: { bytes: PropertyBytes };
}

/** The origin of an event. */
export interface EventOrigin {
  eventSourceArn: string;
  queue: string;
  virtualHost: string;
}

/** The maximum payload of an invocation: Lambda's 6 MB. */
export const maxPayloadBytes = 6 * 1024 * 1024;

/** The JSON record of a delivered message in the event. */
export function recordJson({ content, fields, properties }: DeliveredMessage): string {
  const basicProperties = propertiesInEvent(properties.bytes, content.length);
  return `{"basicProperties":${basicProperties},"redelivered":${fields.redelivered},"data":"${content.toString('base64')}"}`;
}

/** Builds an invocation's payload from JSON records, so that each record is serialized and measured only once. */
export function eventJson({ eventSourceArn, queue, virtualHost }: EventOrigin, recordsJson: string[]): string {
  const key = JSON.stringify(`${queue}::${virtualHost}`);
  const arn = JSON.stringify(eventSourceArn);
  return `{"eventSource":"aws:rmq","eventSourceArn":${arn},"rmqMessagesByQueue":{${key}:[${recordsJson.join(',')}]}}`;
}
