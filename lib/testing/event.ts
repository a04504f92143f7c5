import type { RabbitMqEvent, RabbitMqRecord } from '../message/delivery.ts';
import { headerInEvent } from '../events/json-form.ts';
import type { Message } from '../events/message.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';

export interface QueuedCopy {
  readonly message: Pick<Message, 'body' | 'properties'>;
  deliveries: number;
}

/** Builds the Lambda event with which the Amazon MQ event source delivers the messages in `copies`. */
export const eventOf = (copies: readonly QueuedCopy[], { shards: [queue] }: WorkQueue): RabbitMqEvent => ({
  eventSource: 'aws:rmq',
  eventSourceArn: 'arn:aws:mq:eu-central-1:123456789012:broker:memory:b-1',
  rmqMessagesByQueue: { [`${queue}::/`]: copies.map(recordOf) },
});

function recordOf({ message: { body, properties }, deliveries }: QueuedCopy): RabbitMqRecord {
  const headers = deliveries > 0 ? { ...properties.headers, 'x-acquired-count': deliveries } : properties.headers;
  const given = {
    contentType: null,
    contentEncoding: null,
    priority: null,
    correlationId: null,
    replyTo: null,
    expiration: null,
    messageId: null,
    timestamp: null,
    type: null,
    userId: null,
    appId: null,
    clusterId: null,
    ...Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, value ?? null])),
  };
  return {
    basicProperties: {
      ...given,
      timestamp: typeof properties.timestamp === 'number' ? dateText(properties.timestamp) : given.timestamp,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, headerInEvent(value)])),
      deliveryMode: 2,
      bodySize: body.length,
    },
    redelivered: deliveries > 0,
    data: body.toString('base64'),
  };
}

const dateFormat = new Intl.DateTimeFormat('en-US', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' });

/** Formats seconds since the epoch as the event source does: `Nov 22, 2026, 12:33:41 PM`. */
const dateText = (seconds: number): string => dateFormat.format(seconds * 1_000).replaceAll('\u202f', ' ');
