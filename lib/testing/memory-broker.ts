import { readEnvelope } from '../events/envelope.ts';
import type { Message } from '../events/message.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import type { QueuedCopy } from './event.ts';

interface Delayed extends QueuedCopy {
  readonly id: string | undefined;
  readonly delayMs: number;
  readonly dueMs: number;
}

/** The messages that an in-memory consumer has published: copies for a retry, dead letters and events, oldest first. */
export interface MemoryBroker {
  readonly delayed: Delayed[];
  readonly deadLetters: Message[];
  readonly events: Message[];
  take(message: Message, nowMs: number): undefined;
}

export const idOf = ({ properties: { headers, messageId } }: Pick<Message, 'properties'>): string | undefined =>
  readEnvelope(headers).identity?.id ?? messageId;

export function createMemoryBroker({ delays, deadLetterExchange }: WorkQueue): MemoryBroker {
  const broker: MemoryBroker = {
    delayed: [],
    deadLetters: [],
    events: [],
    take(message, nowMs) {
      const delay = delays.find(({ name }) => name === message.exchange);
      if (delay !== undefined) {
        const { delayMs } = delay;
        broker.delayed.push({ message, deliveries: 0, id: idOf(message), delayMs, dueMs: nowMs + delayMs });
      } else if (message.exchange === deadLetterExchange) broker.deadLetters.push(message);
      else broker.events.push(message);
      return undefined;
    },
  };
  return broker;
}
