import type { DemoOrder } from './orders.ts';
import { expectedPoints, INITIAL_STOCK, skus } from './orders.ts';

/** The state of the service after the demo, read over HTTP once all messages were processed. */
export interface Results {
  /** The status of each order, by order id. */
  readonly statuses: ReadonlyMap<string, string>;
  /** The remaining stock of each SKU. */
  readonly stock: ReadonlyMap<string, number>;
  /** The points of each customer, by customer id. */
  readonly points: ReadonlyMap<string, number>;
  readonly deadLetters: readonly { readonly code: string; readonly queue: string }[];
}

export interface AcceptedOrder extends DemoOrder {
  readonly orderId: string;
}

export interface Ledger {
  readonly accepted: number;
  readonly completed: number;
  readonly rejected: number;
  readonly deadLettered: number;
  readonly lost: readonly string[];
  readonly appliedTwice: readonly string[];
  readonly wrong: readonly string[];
  readonly stock: { readonly expected: number; readonly found: number };
  readonly points: { readonly expected: number; readonly found: number };
  readonly isBalanced: boolean;
}

const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, number) => total + number, 0);

/**
 * Compares the orders that the service accepted with the final state of the service. Each malformed message must become
 * two dead letters, because two queues receive it.
 */
export function compareLedger(orders: readonly AcceptedOrder[], results: Results, malformed: number): Ledger {
  const statusOf = ({ orderId }: AcceptedOrder) => results.statuses.get(orderId) ?? 'unknown';
  const pointsOf = ({ customerId }: AcceptedOrder) => results.points.get(customerId) ?? 0;
  const idsWhere = (condition: (order: AcceptedOrder) => boolean) =>
    orders.filter(condition).map(({ orderId }) => orderId);

  const served = orders.filter(({ soldOut }) => !soldOut);
  const expectedStock = skus.length * INITIAL_STOCK - sum(served.map(({ quantity }) => quantity));
  const stock = { expected: expectedStock, found: sum(results.stock.values()) };
  const points = { expected: sum(orders.map(expectedPoints)), found: sum(results.points.values()) };
  const ended = (status: string) => idsWhere((order) => statusOf(order) === status).length;
  const lost = idsWhere((order) => !['fulfilled', 'rejected', 'dead-lettered'].includes(statusOf(order)));
  const appliedTwice = idsWhere((order) => pointsOf(order) > expectedPoints(order));
  const wrong = idsWhere((order) => statusOf(order) !== (order.soldOut ? 'rejected' : 'fulfilled'));
  return {
    accepted: orders.length,
    completed: ended('fulfilled'),
    rejected: ended('rejected'),
    deadLettered: results.deadLetters.length,
    lost,
    appliedTwice,
    wrong,
    stock,
    points,
    isBalanced:
      lost.length + appliedTwice.length + wrong.length === 0 &&
      results.deadLetters.length === malformed * 2 &&
      stock.expected === stock.found &&
      points.expected === points.found,
  };
}
