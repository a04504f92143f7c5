import { connect, type GetMessage } from 'amqplib';

import type { RabbitMqEvent } from '../../lib/message/delivery.ts';
import { anEvent } from './delivery.ts';
import { recordFromBroker } from './from-broker.ts';

const BATCH = 50;
const PAUSE_MS = 20;

export interface ShardReader {
  stop(): Promise<void>;
}

/** Passes the messages of one queue to `handle` in batches. A batch is requeued if `handle` throws an error. */
export async function readShard(
  amqpUrl: string,
  shard: string,
  handle: (event: RabbitMqEvent) => Promise<unknown>,
): Promise<ShardReader> {
  const connection = await connect(amqpUrl, { noDelay: true });
  const channel = await connection.createChannel();
  let isStopped = false;

  async function readOn(): Promise<void> {
    while (!isStopped) {
      const messages: GetMessage[] = [];
      while (messages.length < BATCH) {
        const message = await channel.get(shard);
        if (!message) break;
        messages.push(message);
      }
      if (messages.length === 0) {
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        continue;
      }
      await handle(anEvent(messages.map(recordFromBroker), shard)).then(
        () => messages.forEach((message) => channel.ack(message)),
        () => messages.forEach((message) => channel.nack(message)),
      );
    }
  }

  const reading = readOn();
  return {
    async stop() {
      isStopped = true;
      await reading;
      await connection.close();
    },
  };
}
