import type { Channel, GetMessage } from 'amqplib';

import { recordJson, type DeliveredMessage } from '../../infra/emulator/event.ts';
import type { RabbitMqRecord } from '../../lib/message/delivery.ts';
import { aRecord, type GivenHeaders } from './delivery.ts';

/** Converts a message from the broker to the record that Lambda's event source writes for it. */
export function recordFromBroker(message: GetMessage | false): RabbitMqRecord {
  if (!message) throw new Error('recordFromBroker needs a message, but the queue is empty');
  const { messageId, type, headers } = message.properties;
  // The tests need neither timestamps nor other headers that are objects.
  const plain = Object.entries(headers ?? {}).filter(([, value]) => typeof value !== 'object');
  return aRecord({
    id: messageId,
    type,
    raw: message.content,
    headers: Object.fromEntries(plain) as GivenHeaders,
    redelivered: message.fields.redelivered,
  });
}

/** Removes all ready messages from a queue, and returns them as records of a Lambda event. */
export async function takeRecords(channel: Channel, queue: string): Promise<RabbitMqRecord[]> {
  const records: RabbitMqRecord[] = [];
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (!message) return records;
    records.push(JSON.parse(recordJson(message as unknown as DeliveredMessage)) as RabbitMqRecord);
  }
}
