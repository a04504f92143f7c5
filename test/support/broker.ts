import { randomUUID } from 'node:crypto';

import { connect, type Channel, type ChannelModel } from 'amqplib';

import { createConnection } from '../../lib/rabbitmq/connection.ts';
import type { Publisher } from '../../lib/events/publish.ts';
import { createPublisher } from '../../lib/rabbitmq/publisher.ts';
import { useRawFrames } from '../../lib/rabbitmq/raw-frames.ts';
import { systemClock } from '../../lib/runtime/clock.ts';

const given = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run the tests with npm test, which starts RabbitMQ and DynamoDB`);
  return value;
};

/** A virtual host on the broker for one test file, so that test files do not affect each other. */
export interface VirtualHost {
  readonly name: string;
  readonly amqpUrl: string;
  readonly channel: Channel;
  /**
   * Opens a channel for the event source emulator. A message that this channel receives also contains the encoded bytes
   * of its AMQP properties.
   */
  rawChannel(): Promise<Channel>;
  /** Creates a publisher with a connection of its own, which is closed when the virtual host is removed. */
  publisher(deadlineMs?: number): Publisher;
  /** Sends a request to the broker's management API. `path` is relative to `/api/`. */
  manage(method: string, path: string, body?: unknown): Promise<unknown>;
  drain(queue: string): Promise<Awaited<ReturnType<Channel['get']>>[]>;
  remove(): Promise<void>;
}

export async function aVirtualHost(): Promise<VirtualHost> {
  const name = `test-${randomUUID()}`;
  await manage('PUT', `vhosts/${name}`);
  const url = new URL(given('AMQP_URL'));
  await manage('PUT', `permissions/${name}/${url.username || 'guest'}`, { configure: '.*', write: '.*', read: '.*' });
  url.pathname = `/${name}`;
  const amqpUrl = url.href;
  const model: ChannelModel = await connect(amqpUrl, { noDelay: true });
  model.on('error', () => {});
  const channel = await model.createChannel();
  channel.on('error', () => {});
  const publishers: Publisher[] = [];
  const raw: ChannelModel[] = [];

  return {
    name,
    amqpUrl,
    channel,
    manage,
    async rawChannel() {
      const connection = await connect(amqpUrl, { noDelay: true });
      connection.on('error', () => {});
      raw.push(connection);
      useRawFrames(connection);
      return connection.createChannel();
    },
    publisher(deadlineMs = 5_000) {
      const connection = createConnection({
        url: async () => amqpUrl,
        heartbeatSeconds: 10,
        clock: systemClock,
        name: 'test',
      });
      const publisher = createPublisher(connection, systemClock, deadlineMs);
      publishers.push(publisher);
      return publisher;
    },
    async drain(queue) {
      const messages = [];
      for (
        let message = await channel.get(queue, { noAck: true });
        message;
        message = await channel.get(queue, { noAck: true })
      )
        messages.push(message);
      return messages;
    },
    async remove() {
      await Promise.all(publishers.map((publisher) => publisher.close()));
      for (const connection of [model, ...raw]) await connection.close().catch(() => {});
      await manage('DELETE', `vhosts/${name}`);
    },
  };
}

async function manage(method: string, path: string, body?: unknown): Promise<unknown> {
  const url = new URL(`/api/${path}`, given('MANAGEMENT_URL'));
  const { username, password } = new URL(url.username ? url : given('AMQP_URL'));
  [url.username, url.password] = ['', ''];
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
      'content-type': 'application/json',
      // The broker closes idle connections, and a request on such a connection would fail.
      connection: 'close',
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok)
    throw new Error(`the management API answered ${method} ${url.pathname} with status ${response.status}: ${text}`);
  return text ? JSON.parse(text) : undefined;
}
