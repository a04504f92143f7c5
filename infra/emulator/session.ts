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
  /** The number of consumers. Each consumer has its own channel. */
  consumers: number;
  /** The prefetch count: how many unsettled messages each consumer can have. */
  prefetch: number;
  onMessage(message: ReceivedMessage, channel: Channel, consumer: number): void;
}

/** The consumers of a queue. All consumers share one connection to the broker. */
export interface Session {
  /** Resolves with the reason when the connection or a consumer has ended. */
  lost: Promise<string>;
  /** Cancels the consumers. The broker then sends no more messages to the consumers. */
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
    const consume = async (_: unknown, consumer: number) => {
      const channel = await connection.createChannel();
      channel.on('error', (error) => lose(error.message));
      channel.on('close', () => lose('channel closed'));
      await channel.prefetch(options.prefetch);
      const { consumerTag } = await channel.consume(options.queue, (message) => {
        if (message) options.onMessage(message as unknown as ReceivedMessage, channel, consumer);
        else lose(`the broker cancelled a consumer of queue "${options.queue}" (was it deleted?)`);
      });
      return { channel, consumerTag };
    };
    const consumers = await Promise.all(Array.from({ length: options.consumers }, consume));
    return {
      lost,
      async cancel() {
        const cancelled = consumers.map(({ channel, consumerTag }) => channel.cancel(consumerTag));
        await within(closeTimeoutMs, Promise.all(cancelled)).catch(() => {});
      },
      // The broker receives the acknowledgements before the request to close the channel, so none of them is lost.
      async close() {
        await within(closeTimeoutMs, Promise.all(consumers.map(({ channel }) => channel.close()))).catch(() => {});
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
