import type { Channel, GetMessage } from 'amqplib';

import { recordJson, type DeliveredMessage } from '../../infra/emulator/event.ts';
import type { RabbitMqRecord } from '../../lib/consumer/delivery.ts';
import { aRecord, type GivenHeaders } from './delivery.ts';

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
    headers: Object.fromEntries(plain) as GivenHeaders,
    redelivered: message.fields.redelivered,
  });
}

/** Everything that is ready in a queue, taken out of it, as the event source hands it on. */
export async function takeRecords(channel: Channel, queue: string): Promise<RabbitMqRecord[]> {
  const records: RabbitMqRecord[] = [];
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (!message) return records;
    records.push(JSON.parse(recordJson(message as unknown as DeliveredMessage)) as RabbitMqRecord);
  }
}
