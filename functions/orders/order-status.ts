import * as z from 'zod';
import type { Item } from 'surehop/dynamodb';
import type { ConsumerState } from 'surehop/timeline';

import { queues } from '../../infra/topology.ts';

const consumerOutcomeSchema = z.strictObject({
  outcome: z.enum(['pending', 'completed', 'rejected', 'retrying', 'dead-lettered']),
  at: z.iso.datetime().optional(),
  /**
   * The number of the last failed attempt to process the order's message. After a redrive, the attempts are counted
   * from 1 again.
   */
  attempt: z.int().optional(),
  code: z.string().optional(),
  reason: z.string().optional(),
  deadLetterId: z.string().optional(),
});

export const orderStatusSchema = z.strictObject({
  orderId: z.string(),
  /**
   * The status of an order. An order is `publishing` until the broker has confirmed the event of the order or a
   * consumer has received the event.
   */
  status: z.enum(['publishing', 'accepted', 'fulfilled', 'rejected', 'dead-lettered']),
  reason: z.string().optional(),
  acceptedAt: z.iso.datetime().optional(),
  /** The outcome of the order at each consumer, by the name of the consumer's queue. */
  consumers: z.record(z.string(), consumerOutcomeSchema),
});

type ConsumerOutcome = z.infer<typeof consumerOutcomeSchema>;
type OrderStatus = z.infer<typeof orderStatusSchema>;

/** The queues whose consumers process an order. */
export const orderQueues = { stock: queues.stock, points: queues.points };

/**
 * Derives the status of an order from the stored HTTP request and the state of the order's message in each queue.
 * Returns undefined if nothing is stored about the order.
 */
export function orderStatus(
  orderId: string,
  intake: Item | undefined,
  states: Readonly<Record<string, ConsumerState>> | undefined,
): OrderStatus | undefined {
  if (!intake && !states) return undefined;
  const names = Object.values(orderQueues).map(({ name }) => name);
  const consumers = Object.fromEntries(names.map((name) => [name, consumerOutcome(states?.[name])]));
  const outcomes = Object.values(consumers);
  const decisive =
    outcomes.find(({ outcome }) => outcome === 'rejected') ??
    outcomes.find(({ outcome }) => outcome === 'dead-lettered');
  return {
    orderId,
    status: statusOf(
      outcomes.map(({ outcome }) => outcome),
      intake !== undefined && intake.status !== 'accepted' && !states,
    ),
    reason: decisive?.reason,
    acceptedAt: textOf(intake?.acceptedAt),
    consumers,
  };
}

export function statusOf(
  outcomes: readonly ConsumerOutcome['outcome'][],
  isUnconfirmed: boolean,
): OrderStatus['status'] {
  if (outcomes.includes('rejected')) return 'rejected';
  if (outcomes.includes('dead-lettered')) return 'dead-lettered';
  if (outcomes.every((outcome) => outcome === 'completed')) return 'fulfilled';
  return isUnconfirmed ? 'publishing' : 'accepted';
}

/** Converts the state of an order's message in a queue to the outcome that the API shows for the queue's consumer. */
export function outcomeOf(state: ConsumerState['state']): ConsumerOutcome['outcome'] {
  if (state === 'processing' || state === 'superseded' || state === 'unreadable') return 'pending';
  return state === 'discarded' ? 'dead-lettered' : state;
}

function consumerOutcome(found: ConsumerState | undefined): ConsumerOutcome {
  if (!found) return { outcome: 'pending' };
  const { state, at, attempt, markerError, error = markerError, reason = error?.message, deadLetterId } = found;
  return { outcome: outcomeOf(state), at, attempt, code: error?.code, reason, deadLetterId };
}

const textOf = (value: Item[string] | undefined) => (typeof value === 'string' ? value : undefined);
