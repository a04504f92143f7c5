import currencies from 'currency-codes';

import type { Order } from './events.ts';

/** The price of an order in minor units. */
export const totalOf = ({ items }: Pick<Order, 'items'>): number =>
  items.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0);

/**
 * Returns the points for an order: one point per whole unit of the currency. For example, 1,999 cents give 19 points,
 * and 1,999 yen give 1,999 points.
 */
export function pointsFor(total: number, currency: string): number {
  const digits = currencies.code(currency)?.digits ?? 2;
  return Math.floor(total / 10 ** digits);
}
