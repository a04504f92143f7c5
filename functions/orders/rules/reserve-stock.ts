import { emit, type Decision } from 'surehop/consumer';
import type { Payload } from 'surehop/events';

import { tables } from '../../../infra/tables.ts';
import { orderRejected, type orderCreated } from '../events.ts';
import { totalOf } from '../total.ts';

/** Reserves all items of an order, or rejects the order if the stock is too low for one of the items. */
export function reserveStock(order: Payload<typeof orderCreated>): Decision {
  const { orderId, customerId, currency } = order;
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of order.items) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  return {
    effects: [...quantities].map(([sku, quantity]) =>
      tables.stock.add({ sku }, 'available', -quantity, { atLeast: 0 }),
    ),
    otherwise: {
      outcome: 'rejected',
      reason: 'OUT_OF_STOCK',
      effects: [],
      events: [emit(orderRejected, { orderId, customerId, currency, total: totalOf(order), reason: 'OUT_OF_STOCK' })],
    },
  };
}
