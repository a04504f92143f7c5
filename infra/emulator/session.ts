import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { useRawFrames } from '../../lib/rabbitmq/raw-frames.ts';
import type { RawProperties } from '../../lib/rabbitmq/raw-frames.ts';

/** A message with its properties as the broker sent them. */
export type ReceivedMessage = Omit<ConsumeMessage, 'properties'> & { properties: RawProperties };

import { closeConnection, dropConnection, openConnection } from '../../lib/rabbitmq/open-connection.ts';
import { within } from '../../lib/runtime/timeout.ts';

/** Which queue to consume, and where. */
export interface SessionOptions {
  url: string;
  virtualHost: string;
  queue: string;
  prefetch: number;
  onMessage(message: ReceivedMessage, channel: Channel): void;
}

/** A consumer on a connection of its own. */
export interface Session {
  /** Resolves with the reason once nothing more can be received or settled on this session. */
  lost: Promise<string>;
  /** Asks the broker to send no more. */
  cancel(): Promise<void>;
  close(): Promise<void>;
}

const connectTimeoutMs = 10_000;
const closeTimeoutMs = 5_000;

/** Connects to a virtual host of the broker that `url` names. */
export function connectTo(url: string, virtualHost: string): Promise<ChannelModel> {
  const target = new URL(url);
  target.pathname = `/${encodeURIComponent(virtualHost)}`;
  return openConnection(target.href, { timeoutMs: connectTimeoutMs });
}

/** The broker's address without its credentials, for messages to people. */
export function brokerName(url: string): string {
  return new URL(url).host;
}

/** Connects and starts to consume. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const connection = await connectTo(options.url, options.virtualHost);
  let lose = (_reason: string): void => {};
  const lost = new Promise<string>((resolve) => (lose = resolve));
  connection.on('error', (error) => lose(error.message));
  connection.on('close', (error) => lose(error?.message ?? 'connection closed'));
  const guard = setTimeout(() => dropConnection(connection, 'the broker does not answer'), connectTimeoutMs);
  try {
    useRawFrames(connection);
    const channel = await connection.createChannel();
    channel.on('error', (error) => lose(error.message));
    channel.on('close', () => lose('channel closed'));
    await channel.prefetch(options.prefetch);
    const { consumerTag } = await channel.consume(options.queue, (message) => {
      if (message) options.onMessage(message as unknown as ReceivedMessage, channel);
      else lose(`the broker cancelled the consumer of queue "${options.queue}" (was it deleted?)`);
    });
    return {
      lost,
      async cancel() {
        await within(closeTimeoutMs, channel.cancel(consumerTag)).catch(() => {});
      },
      // A channel is closed in order after what was settled on it, so nothing settled is cut off.
      async close() {
        await within(closeTimeoutMs, channel.close()).catch(() => {});
        await closeConnection(connection);
      },
    };
  } catch (error) {
    await closeConnection(connection);
    throw error;
  } finally {
    clearTimeout(guard);
  }
}
