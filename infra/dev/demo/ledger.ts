import type { DemoOrder } from './orders.ts';
import { expectedPoints, INITIAL_STOCK, skus } from './orders.ts';

/** What was found once it was quiet, asked for over HTTP. */
export interface Found {
  /** By order id. */
  readonly statuses: ReadonlyMap<string, string>;
  /** By SKU. */
  readonly stock: ReadonlyMap<string, number>;
  /** By customer. */
  readonly points: ReadonlyMap<string, number>;
  readonly deadLetters: readonly { readonly code: string; readonly queue: string }[];
}

export interface AcceptedOrder extends DemoOrder {
  readonly orderId: string;
}

export interface Books {
  readonly accepted: number;
  readonly completed: number;
  readonly rejected: number;
  readonly deadLettered: number;
  readonly lost: readonly string[];
  readonly appliedTwice: readonly string[];
  /** Orders that ended otherwise than they should have. */
  readonly wrong: readonly string[];
  readonly stock: { readonly expected: number; readonly found: number };
  readonly points: { readonly expected: number; readonly found: number };
  readonly balance: boolean;
}

const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, number) => total + number, 0);

/** Holds what clients were told against what the service has. `malformed` messages make one dead letter in each of two queues. */
export function balance(orders: readonly AcceptedOrder[], found: Found, malformed: number): Books {
  const statusOf = ({ orderId }: AcceptedOrder) => found.statuses.get(orderId) ?? 'unknown';
  const pointsOf = ({ customerId }: AcceptedOrder) => found.points.get(customerId) ?? 0;
  const idsWhere = (condition: (order: AcceptedOrder) => boolean) =>
    orders.filter(condition).map(({ orderId }) => orderId);

  const served = orders.filter(({ soldOut }) => !soldOut);
  const expectedStock = skus.length * INITIAL_STOCK - sum(served.map(({ quantity }) => quantity));
  const stock = { expected: expectedStock, found: sum(found.stock.values()) };
  const points = { expected: sum(orders.map(expectedPoints)), found: sum(found.points.values()) };
  const ended = (status: string) => idsWhere((order) => statusOf(order) === status).length;
  const lost = idsWhere((order) => !['fulfilled', 'rejected', 'dead-lettered'].includes(statusOf(order)));
  const appliedTwice = idsWhere((order) => pointsOf(order) > expectedPoints(order));
  const wrong = idsWhere((order) => statusOf(order) !== (order.soldOut ? 'rejected' : 'fulfilled'));
  return {
    accepted: orders.length,
    completed: ended('fulfilled'),
    rejected: ended('rejected'),
    deadLettered: found.deadLetters.length,
    lost,
    appliedTwice,
    wrong,
    stock,
    points,
    balance:
      lost.length + appliedTwice.length + wrong.length === 0 &&
      found.deadLetters.length === malformed * 2 &&
      stock.expected === stock.found &&
      points.expected === points.found,
  };
}
