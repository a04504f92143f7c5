import type { Channel, Message } from 'amqplib';
import type { ReceivedMessage } from './session.ts';

/** The AMQP method that requeues the messages of a failed batch: basic.nack or basic.reject, both with requeue set. */
export type OnError = 'nack' | 'reject';

/** A received message, the channel that delivered it, and the message as a JSON record of a function's event. */
export interface Delivery {
  message: ReceivedMessage;
  channel: Channel;
  recordJson: string;
  bytes: number;
}

/**
 * Settles the given deliveries of one channel, if possible with a single AMQP method. Does nothing if the channel is
 * closed, because the broker has already requeued the channel's messages.
 */
export function settle(deliveries: readonly Delivery[], how: 'acknowledge' | OnError): void {
  // RabbitMQ may return acknowledged messages to a quorum queue if a channel acknowledges more than 32 messages one by one
  // and is closed soon afterwards (measured on 3.10.8 and 4.3.6). AMQP cannot reject several messages together.
  const settled = how === 'reject' ? deliveries : deliveries.slice(-1);
  for (const { channel, message } of settled)
    unlessClosed(() => {
      if (how === 'acknowledge') channel.ack(asRead(message), true);
      else if (how === 'nack') channel.nack(asRead(message), true, true);
      else channel.reject(asRead(message), true);
    });
}

export const acknowledge = ({ channel, message }: Pick<Delivery, 'channel' | 'message'>): void =>
  unlessClosed(() => channel.ack(asRead(message)));

/**
 * Casts a message to amqplib's TypeScript type. This is safe, because amqplib reads only the delivery tag to settle a
 * message.
 */
const asRead = (message: ReceivedMessage) => message as unknown as Message;

function unlessClosed(settling: () => void): void {
  try {
    settling();
  } catch (error) {
    if ((error as Error).name !== 'IllegalOperationError') throw error;
  }
}
