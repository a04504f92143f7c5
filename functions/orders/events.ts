import currencies from 'currency-codes';
import * as z from 'zod';
import { defineEvent } from 'surehop/events';

import { exchanges } from '../../infra/topology.ts';

const currencyCodes = new Set(currencies.codes());

const name = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9._-]+$/, 'must be letters, digits, ".", "_" and "-"');

export const sku = name.meta({ examples: ['apple'] });
export const customerId = name.meta({ examples: ['ada'] });

/**
 * The upper limits for the numbers in an order. They keep the price of an order (at most 5 * 10^13 minor units) below
 * 2^46, the most that a business rule can add to a counter.
 */
const max = { items: 50, quantity: 1_000, unitPrice: 1_000_000_000 };

const item = z.strictObject({
  sku,
  quantity: z.int().min(1).max(max.quantity),
  /** Price in minor units, for example cents. */
  unitPrice: z.int().min(0).max(max.unitPrice),
});

/** The body of a request to place an order. */
export const order = z.strictObject({
  customerId,
  currency: z
    .string()
    .refine((code) => currencyCodes.has(code), 'must be an ISO 4217 code such as EUR')
    .meta({ examples: ['EUR'] }),
  items: z.array(item).min(1).max(max.items),
});

export type Order = z.infer<typeof order>;

/** The event that a client has placed an order. The message id of the event is the order id. */
export const orderCreated = defineEvent({
  type: 'order.created',
  version: 1,
  exchange: exchanges.orders,
  schema: order.extend({ orderId: z.uuid() }),
  key: ({ customerId }) => customerId,
});

/** The event which reports that an order was rejected and that none of its items were reserved. */
export const orderRejected = defineEvent({
  type: 'order.rejected',
  version: 1,
  exchange: exchanges.orders,
  schema: order.omit({ items: true }).extend({
    orderId: z.uuid(),
    /** The price of the order in minor units. */
    total: z
      .int()
      .min(0)
      .max(max.items * max.quantity * max.unitPrice),
    reason: z.enum(['OUT_OF_STOCK']),
  }),
  key: ({ customerId }) => customerId,
});
