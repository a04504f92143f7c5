import type { GetMessage } from 'amqplib';

import type { HeaderValue } from '../../lib/broker/message.ts';
import type { RabbitMqRecord } from '../../lib/consume/delivery.ts';
import { aRecord } from './delivery.ts';

/** A message taken from the real broker, as the event source would hand it on. */
export function recordFromBroker(message: GetMessage | false): RabbitMqRecord {
  if (!message) throw new Error('there was no message');
  const { messageId, type, headers } = message.properties;
  // Timestamps and the like do not matter here; what is no plain value is left out.
  const plain = Object.entries(headers ?? {}).filter(([, value]) => typeof value !== 'object');
  return aRecord({
    id: messageId,
    type,
    raw: message.content,
    headers: Object.fromEntries(plain) as Record<string, HeaderValue>,
    redelivered: message.fields.redelivered,
  });
}
