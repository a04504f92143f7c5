import { headerNames } from '../events/envelope.ts';
import type { Message } from '../events/message.ts';
import { PublishError } from '../runtime/errors.ts';
import type { Ended, Simulation } from './environment.ts';
import type { QueuedCopy } from './event.ts';
import { idOf } from './memory-broker.ts';
import type { WorldState } from './world-state.ts';

/** Publishes a message to the broker of a simulation. Returns an error if the broker refuses the message. */
export function publish(
  { clock, definition: { queue }, faults, state, switches }: Simulation,
  message: Message,
): PublishError | undefined {
  const { broker, left, placed } = state;
  const { exchange, properties } = message;
  const isDeadLetter = exchange === queue.deadLetterExchange;
  const isDelayed = queue.delays.some(({ name }) => name === exchange);
  if (isDeadLetter && left.refusals > 0) {
    left.refusals -= 1;
    return new PublishError('UNROUTABLE', 'no queue takes it');
  }
  if (!isDeadLetter && !isDelayed && left.unroutable > 0) {
    left.unroutable -= 1;
    return new PublishError('UNROUTABLE', 'no queue receives the event');
  }
  broker.take(message, clock.now());
  // Only retry copies and dead letters are counted. A follow-up event is published again at each redelivery, and a
  // message is postponed again until the lease of a crashed process expires.
  const isCounted = isDeadLetter || (isDelayed && properties.headers[headerNames.postponed] !== true);
  // After a crash or a lost answer, the consumer may publish a second retry copy or dead letter.
  if (isCounted && faults === 0 && switches === 0) {
    const copy = `${idOf(message)} in ${exchange}`;
    placed.set(copy, (placed.get(copy) ?? 0) + 1);
  }
  return undefined;
}

/** Takes the `size` oldest messages from the queue, as the next batch. */
export function deliver(state: WorldState, size: number): QueuedCopy[] {
  state.batches += 1;
  state.isWhole = false;
  return state.queue.splice(0, size);
}

/** Moves the message that has waited longest in the delay queues to the consumer's queue. */
export function endDelay({ history, state: { broker, queue } }: Simulation): void {
  const copy = broker.delayed.shift()!;
  history?.step(`the delay of ${copy.id} ends`);
  queue.push(copy);
}

/**
 * Returns a batch to the queue, behind the other messages that were returned. Messages that were never delivered come
 * after the batch, unless the event source had already fetched them.
 */
export function returnBatch({ choose, definition, state }: Simulation, { is, batch }: Ended): void {
  const { queue, store } = state;
  for (const copy of batch) copy.deliveries += 1;
  const returned = queue.findLastIndex(({ deliveries }) => deliveries > 0) + 1;
  const isFetched = queue.length > returned && choose(2) === 1;
  queue.splice(isFetched ? queue.length : returned, 0, ...batch);
  // Without an open-batch record the messages are delivered together.
  state.isWhole = definition.orderBy !== undefined && is === 'crashed' && store.openBatch === undefined;
}
