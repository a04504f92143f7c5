import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import {
  closeConnection,
  dropConnection,
  openConnection,
  useRawFrames,
  within,
  type RawProperties,
} from 'surehop/amqp';

/** A message from the broker whose properties are not decoded yet. */
export type ReceivedMessage = Omit<ConsumeMessage, 'properties'> & { properties: RawProperties };

/** The options of a session: the broker, the queue to consume, and the callback for received messages. */
export interface SessionOptions {
  url: string;
  virtualHost: string;
  queue: string;
  prefetch: number;
  onMessage(message: ReceivedMessage, channel: Channel): void;
}

/** A consumer of a queue. The consumer has its own connection to the broker. */
export interface Session {
  /** Resolves, when the connection or the consumer has ended, with the reason for its end. */
  lost: Promise<string>;
  /** Cancels the consumer. The broker then sends no more messages to the consumer. */
  cancel(): Promise<void>;
  close(): Promise<void>;
}

const connectTimeoutMs = 10_000;
const closeTimeoutMs = 5_000;

/** Connects to a virtual host of the broker at `url`. */
export function connectTo(url: string, virtualHost: string): Promise<ChannelModel> {
  const target = new URL(url);
  target.pathname = `/${encodeURIComponent(virtualHost)}`;
  return openConnection(target.href, { timeoutMs: connectTimeoutMs });
}

/** Returns the host and the port of the broker, without credentials, for log messages. */
export function brokerName(url: string): string {
  return new URL(url).host;
}

/** Connects to the broker and starts consuming the queue. */
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
      // The broker receives the acknowledgements before the request to close the channel, so none of them is lost.
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
