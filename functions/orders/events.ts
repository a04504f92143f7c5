import currencies from 'currency-codes';
import * as z from 'zod';

import { exchanges } from '../../infra/topology.ts';
import { defineEvent } from '../../lib/events/define.ts';

const currencyCodes = new Set(currencies.codes());

const name = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9._-]+$/, 'must be letters, digits, ".", "_" and "-"');

export const sku = name;
export const customerId = name;

/**
 * The most that an order may have. The dearest order costs 5 * 10^13 minor units, which the rules can still add to a
 * counter (at most 2^46, about 7 * 10^13): test/integration/ordering/bounds.test.ts holds them to it.
 */
const most = { items: 50, quantity: 1_000, unitPrice: 1_000_000_000 };

const item = z.strictObject({
  sku,
  quantity: z.int().min(1).max(most.quantity),
  /** In minor units: cents where there are cents. */
  unitPrice: z.int().min(0).max(most.unitPrice),
});

/** What a client asks for. */
export const order = z.strictObject({
  customerId,
  currency: z.string().refine((code) => currencyCodes.has(code), 'must be an ISO 4217 code such as EUR'),
  items: z.array(item).min(1).max(most.items),
});

export type Order = z.infer<typeof order>;

/** A client placed an order. Its message id is the order id. */
export const orderCreated = defineEvent({
  type: 'order.created',
  version: 1,
  exchange: exchanges.orders,
  schema: order.extend({ orderId: z.uuid() }),
  key: ({ customerId }) => customerId,
});

/** An order could not be served; nothing of it was reserved. */
export const orderRejected = defineEvent({
  type: 'order.rejected',
  version: 1,
  exchange: exchanges.orders,
  schema: order.omit({ items: true }).extend({
    orderId: z.uuid(),
    /** What the order would have cost, in minor units. */
    total: z
      .int()
      .min(0)
      .max(most.items * most.quantity * most.unitPrice),
    reason: z.enum(['OUT_OF_STOCK']),
  }),
  key: ({ customerId }) => customerId,
});
