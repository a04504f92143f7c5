import { AMQPClient } from '@cloudamqp/amqp-client';
import { connect as connectManaged } from 'amqp-connection-manager';
import { Connection as RabbitConnection } from 'rabbitmq-client';
import { BrokerAsPromised } from 'rascal';

import type { BenchMessage } from '../messages.ts';
import { openRaw } from './raw.ts';
import { openSurehop } from './surehop.ts';

/**
 * One of the compared publishers. Each uses a different AMQP client, publishes persistent messages with the flag
 * `mandatory`, and waits for confirms.
 */
export interface Peer {
  publish(message: BenchMessage): Promise<void>;
  close(): Promise<unknown>;
}

export const peers: Readonly<Record<string, (amqpUrl: string) => Promise<Peer>>> = {
  surehop: async (amqpUrl) => openSurehop(amqpUrl),

  'raw amqplib': openRaw,

  'amqp-connection-manager': async (amqpUrl) => {
    const connection = connectManaged([amqpUrl], { connectionOptions: { noDelay: true } });
    const channel = connection.createChannel({ confirm: true });
    await channel.waitForConnect();
    return {
      publish: async ({ exchange, routingKey, body, properties }) => {
        const options = { ...properties, mandatory: true, deliveryMode: 2 };
        await channel.publish(exchange, routingKey, body, options);
      },
      close: () => connection.close(),
    };
  },

  '@cloudamqp/amqp-client': async (amqpUrl) => {
    const connection = await new AMQPClient(amqpUrl).connect();
    const channel = await connection.channel();
    await channel.confirmSelect();
    return {
      publish: async ({ exchange, routingKey, body, properties: { timestamp, headers, ...properties } }) => {
        const sent = {
          ...properties,
          headers: { ...headers } as object as {},
          deliveryMode: 2,
          timestamp: at(timestamp),
        };
        await channel.basicPublish(exchange, routingKey, body, sent, true);
      },
      close: () => connection.close(),
    };
  },

  'rabbitmq-client': async (amqpUrl) => {
    const connection = new RabbitConnection({ url: amqpUrl, noDelay: true });
    connection.on('error', () => {});
    const publisher = connection.createPublisher({ confirm: true });
    return {
      publish: ({ exchange, routingKey, body, properties }) =>
        publisher.send({ ...properties, exchange, routingKey, mandatory: true, durable: true }, body),
      close: async () => {
        await publisher.close();
        await connection.close();
      },
    };
  },

  rascal: (amqpUrl) => openRascal(amqpUrl, 5),

  'rascal, pool of 100': (amqpUrl) => openRascal(amqpUrl, 100),
};

const at = (seconds: number) => new Date(seconds * 1_000);

async function openRascal(amqpUrl: string, channels: number): Promise<Peer> {
  const { pathname } = new URL(amqpUrl);
  const broker = await BrokerAsPromised.create({
    vhosts: {
      [decodeURIComponent(pathname.slice(1))]: {
        connection: { url: amqpUrl, socketOptions: { noDelay: true } },
        publicationChannelPools: { confirmPool: { max: channels, min: channels, autostart: true } },
        exchanges: [''],
        publications: { send: { exchange: '', confirm: true, autoCreated: true } },
      },
    },
  });
  broker.on('error', () => {});
  return {
    publish: async ({ routingKey, body, properties }) => {
      const options = { ...properties, mandatory: true, persistent: true };
      const publication = await broker.publish('send', body, { routingKey, options });
      await new Promise<void>((resolve, reject) => {
        let isReturned = false;
        publication.on('return', () => {
          isReturned = true;
          reject(new Error('returned'));
        });
        // The broker sends the return before the confirm, but rascal emits the event `return` after the event
        // `success`.
        publication.on('success', () => setImmediate(() => (isReturned ? undefined : resolve())));
        publication.on('error', reject);
      });
    },
    close: () => broker.shutdown(),
  };
}
