import type { Channel, Message } from 'amqplib';
import type { ReceivedMessage } from './session.ts';

/** The AMQP method that returns the messages of a failed batch to their queue: basic.nack or basic.reject, both with requeue. */
export type OnError = 'nack' | 'reject';

/** A received message with its channel and with its JSON record for the event. */
export interface Delivery {
  message: ReceivedMessage;
  channel: Channel;
  recordJson: string;
  bytes: number;
}

/**
 * Settles each message on the channel that delivered the message. Messages of closed channels are skipped, because the
 * broker has already requeued these messages.
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
