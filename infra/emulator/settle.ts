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
 * Acknowledges or requeues each message on the channel that delivered the message. Messages of closed channels are
 * skipped, because the broker has already requeued these messages.
 */
export function settle(deliveries: Delivery[], how: 'acknowledge' | OnError): void {
  for (const delivery of deliveries) {
    const { channel } = delivery;
    // amqplib reads only the delivery tag of the message here.
    const message = delivery.message as unknown as Message;
    try {
      if (how === 'acknowledge') channel.ack(message);
      else if (how === 'nack') channel.nack(message, false, true);
      else channel.reject(message, true);
    } catch (error) {
      if ((error as Error).name !== 'IllegalOperationError') throw error;
    }
  }
}
