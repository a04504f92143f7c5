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
 * Acknowledges or requeues each message on the channel that delivered the message. Skips the messages of closed
 * channels, because the broker has already requeued them. With `allUpToLast`, one AMQP method settles all messages;
 * this is allowed only if no other message of the channel is unsettled.
 */
export function settle(
  deliveries: Delivery[],
  how: 'acknowledge' | OnError,
  { allUpToLast = false }: { readonly allUpToLast?: boolean } = {},
): void {
  // RabbitMQ may return acknowledged messages to a quorum queue if a channel acknowledges more than 32 messages one by one
  // and is closed soon afterwards (measured on 3.10.8 and 4.3.6). AMQP cannot reject several messages together.
  const settled = allUpToLast && how !== 'reject' ? deliveries.slice(-1) : deliveries;
  for (const delivery of settled) {
    const { channel } = delivery;
    // amqplib reads only the delivery tag of the message here.
    const message = delivery.message as unknown as Message;
    try {
      if (how === 'acknowledge') channel.ack(message, allUpToLast);
      else if (how === 'nack') channel.nack(message, allUpToLast, true);
      else channel.reject(message, true);
    } catch (error) {
      if ((error as Error).name !== 'IllegalOperationError') throw error;
    }
  }
}
