import type { Channel, Message } from 'amqplib';
import type { ReceivedMessage } from './session.ts';

/** How the messages of a failed batch are returned to their queue: with basic.nack or basic.reject, both with requeue. */
export type OnError = 'nack' | 'reject';

/** A received message with its channel and its record in the event. */
export interface Delivery {
  message: ReceivedMessage;
  channel: Channel;
  recordJson: string;
  bytes: number;
}

/** Settles each delivery on its own channel; skips closed channels, because the broker has already requeued their messages. */
export function settle(deliveries: Delivery[], how: 'acknowledge' | OnError): void {
  for (const delivery of deliveries) {
    const { channel } = delivery;
    // amqplib reads only the delivery tag here.
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
