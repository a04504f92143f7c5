import { defineEvent } from 'surehop/events';
import * as z from 'zod';

/** The body of a request to place an order. */
export const order = z.strictObject({ customerId: z.string().min(1).max(100), cents: z.int().min(1).max(100_000_000) });

/** The event that a customer has placed an order. The message id of the event is the order id. */
export const orderPlaced = defineEvent({
  type: 'order.placed',
  version: 1,
  exchange: 'orders',
  schema: order.extend({ orderId: z.uuid() }),
});
