import * as z from 'zod';
import type { DeadLetter } from 'surehop/dead-letters';
import type { Item } from 'surehop/dynamodb';
import type { Marker } from 'surehop/inbox';

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

/**
 * Derives the status of an order from the stored HTTP request, the inbox records of the order's message, and its dead
 * letters. Returns undefined if nothing is stored about the order.
 */
export function orderStatus(
  orderId: string,
  intake: Item | undefined,
  markers: Readonly<Record<string, Marker | undefined>>,
  deadLetters: readonly DeadLetter[],
): OrderStatus | undefined {
  const known = Object.values(markers).some(Boolean) || deadLetters.length > 0;
  if (!intake && !known) return undefined;
  const consumers = Object.fromEntries(
    Object.entries(markers).map(([queue, marker]) => [queue, consumerOutcome(marker, latestOf(queue, deadLetters))]),
  );
  const outcomes = Object.values(consumers);
  const decisive =
    outcomes.find(({ outcome }) => outcome === 'rejected') ??
    outcomes.find(({ outcome }) => outcome === 'dead-lettered');
  return {
    orderId,
    status: statusOf(
      outcomes.map(({ outcome }) => outcome),
      intake !== undefined && intake.status !== 'accepted' && !known,
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

function latestOf(queue: string, deadLetters: readonly DeadLetter[]): DeadLetter | undefined {
  const [latest] = deadLetters
    .filter((deadLetter) => deadLetter.queue === queue)
    .toSorted((a, b) => b.redrives - a.redrives || (a.deadLetteredAt < b.deadLetteredAt ? 1 : -1));
  return latest;
}

function consumerOutcome(marker: Marker | undefined, deadLetter: DeadLetter | undefined): ConsumerOutcome {
  if (marker?.state === 'completed' || marker?.state === 'rejected')
    return { outcome: marker.state, at: marker.at, reason: marker.reason };
  const failed = marker?.state === 'retrying' || marker?.state === 'dead-lettered' ? marker : undefined;
  if (deadLetter && deadLetter.redrives >= (failed?.redrives ?? 0)) {
    const { id, code, reason, attempt, deadLetteredAt: at, status } = deadLetter;
    if (status === 'redriven') return { outcome: 'pending', at: deadLetter.history.at(-1)?.at };
    return { outcome: 'dead-lettered', at, attempt, code, reason, deadLetterId: id };
  }
  if (!failed) return { outcome: 'pending' };
  const { state, at, attempt, code, message } = failed;
  return { outcome: state, at, attempt, code, reason: message };
}

const textOf = (value: Item[string] | undefined) => (typeof value === 'string' ? value : undefined);
