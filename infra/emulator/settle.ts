import type { Channel, Message } from 'amqplib';
import type { ReceivedMessage } from './session.ts';

/** How the messages of a failed batch are returned; they go back to their queue either way. */
export type OnError = 'nack' | 'reject';

/** A received message, and what its event needs. */
export interface Delivery {
  message: ReceivedMessage;
  channel: Channel;
  recordJson: string;
  bytes: number;
}

/** Settles each delivery where it came from; on a channel that is gone this does nothing, since the broker has returned them. */
export function settle(deliveries: Delivery[], how: 'acknowledge' | OnError): void {
  for (const delivery of deliveries) {
    const { channel } = delivery;
    // Of a message only the delivery tag is read here.
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
