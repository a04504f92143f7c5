import { propertiesInEvent, type PropertyBytes } from 'surehop/amqp';

export interface DeliveredMessage {
  content: Buffer;
  fields: { redelivered: boolean };
  properties: { bytes: PropertyBytes };
}

/** Where the messages of an event come from: the event source, the queue and the virtual host. */
export interface EventOrigin {
  eventSourceArn: string;
  queue: string;
  virtualHost: string;
}

/** The maximum size of an invocation's payload in bytes, which is 6 MB on Lambda. */
export const maxPayloadBytes = 6 * 1024 * 1024;

/** Returns a message as the JSON record that the function's event contains. */
export function recordJson({ content, fields, properties }: DeliveredMessage): string {
  const basicProperties = propertiesInEvent(properties.bytes, content.length);
  return `{"basicProperties":${basicProperties},"redelivered":${fields.redelivered},"data":"${content.toString('base64')}"}`;
}

/** Builds the payload of an invocation from the JSON records of its messages. */
export function eventJson({ eventSourceArn, queue, virtualHost }: EventOrigin, recordsJson: string[]): string {
  const key = JSON.stringify(`${queue}::${virtualHost}`);
  const arn = JSON.stringify(eventSourceArn);
  return `{"eventSource":"aws:rmq","eventSourceArn":${arn},"rmqMessagesByQueue":{${key}:[${recordsJson.join(',')}]}}`;
}
