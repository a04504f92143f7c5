import { connect, type ConfirmChannel, type Options } from 'amqplib';

import type { Message } from '../../../lib/events/message.ts';

export interface RawChannel {
  readonly channel: ConfirmChannel;
  publish(message: Message): Promise<void>;
  /** Publishes all messages, with at most `window` unconfirmed messages at any time. */
  publishAll(messages: readonly Message[], window: number): Promise<void>;
  close(): Promise<void>;
}

export async function openRaw(amqpUrl: string): Promise<RawChannel> {
  const model = await connect(amqpUrl, { noDelay: true });
  const channel = await model.createConfirmChannel();
  const send = ({ exchange, routingKey, body, properties }: Message, done: (error: unknown) => void): void => {
    // The timestamps of the benchmark's messages are numbers.
    const options = { ...(properties as Options.Publish), mandatory: true, deliveryMode: 2 };
    channel.publish(exchange, routingKey, body, options, done);
  };
  return {
    channel,
    publish: (message) =>
      new Promise((resolve, reject) => send(message, (error) => (error ? reject(error) : resolve()))),
    publishAll: (messages, window) =>
      new Promise((resolve, reject) => {
        let next = 0;
        let confirmed = 0;
        const more = (): void => {
          const message = messages[next++];
          if (message) send(message, done);
        };
        const done = (error: unknown): void => {
          if (error) return reject(error);
          if (++confirmed === messages.length) return resolve();
          more();
        };
        for (let n = 0; n < window; n += 1) more();
      }),
    close: () => model.close(),
  };
}
