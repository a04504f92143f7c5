import type { Item } from '../../lib/dynamodb/item.ts';
import type { Marker } from '../../lib/inbox/inbox.ts';
import type { DeadLetter } from '../../lib/dead-letters/dead-letter.ts';

/** Where an order stands with one consumer. */
export interface ConsumerOutcome {
  readonly outcome: 'pending' | 'completed' | 'rejected' | 'retrying' | 'dead-lettered';
  /** ISO 8601. */
  readonly at?: string;
  /** The attempt that failed last. */
  readonly attempt?: number;
  readonly code?: string;
  readonly reason?: string;
  readonly deadLetterId?: string;
}

export interface OrderStatus {
  readonly orderId: string;
  /** `publishing`: the broker was not heard to confirm it, and no consumer has met it yet. */
  readonly status: 'publishing' | 'accepted' | 'fulfilled' | 'rejected' | 'dead-lettered';
  readonly reason?: string;
  readonly acceptedAt?: string;
  readonly consumers: Readonly<Record<string, ConsumerOutcome>>;
}

/** Puts together what intake, consumers and archive know of an order; undefined where none of them knows it. */
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
    status: statusOf(decisive, outcomes, intake !== undefined && intake.status !== 'accepted' && !known),
    reason: decisive?.reason,
    acceptedAt: textOf(intake?.acceptedAt),
    consumers,
  };
}

function statusOf(
  decisive: ConsumerOutcome | undefined,
  outcomes: readonly ConsumerOutcome[],
  isUnconfirmed: boolean,
): OrderStatus['status'] {
  if (decisive) return decisive.outcome === 'rejected' ? 'rejected' : 'dead-lettered';
  if (outcomes.every(({ outcome }) => outcome === 'completed')) return 'fulfilled';
  return isUnconfirmed ? 'publishing' : 'accepted';
}

/** The dead letter of the message's last life in `queue`. */
function latestOf(queue: string, deadLetters: readonly DeadLetter[]): DeadLetter | undefined {
  const [latest] = deadLetters
    .filter((deadLetter) => deadLetter.queue === queue)
    .toSorted((a, b) => b.redrives - a.redrives || (a.deadLetteredAt < b.deadLetteredAt ? 1 : -1));
  return latest;
}

/**
 * The marker says what the consumer did; the archive, what the broker gave up on and what was sent back since. The one of
 * the later life counts, and a dead letter ends its life.
 */
function consumerOutcome(marker: Marker | undefined, deadLetter: DeadLetter | undefined): ConsumerOutcome {
  if (marker?.state === 'completed' || marker?.state === 'rejected')
    return { outcome: marker.state, at: marker.at, reason: marker.reason };
  const placement = marker?.state === 'retrying' || marker?.state === 'dead-lettered' ? marker : undefined;
  if (deadLetter && deadLetter.redrives >= (placement?.redrives ?? 0)) {
    const { id, code, reason, attempt, deadLetteredAt: at, status } = deadLetter;
    if (status === 'redriven') return { outcome: 'pending', at: deadLetter.history.at(-1)?.at };
    return { outcome: 'dead-lettered', at, attempt, code, reason, deadLetterId: id };
  }
  if (!placement) return { outcome: 'pending' };
  const { state, at, attempt, code, message } = placement;
  return { outcome: state, at, attempt, code, reason: message };
}

const textOf = (value: Item[string] | undefined) => (typeof value === 'string' ? value : undefined);
