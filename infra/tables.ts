import { defineTable } from 'surehop/tables';
import * as z from 'zod';

/**
 * The tables of the service. A deployment and `npm start` create the tables with these definitions, in addition to the
 * tables of the toolkit.
 */
export const tables = {
  /** The orders that were placed over HTTP. The toolkit writes the items, with the idempotency keys of the requests. */
  orders: defineTable({ name: 'orders', key: { orderId: 'S' }, expires: true }),
  stock: defineTable({ name: 'stock', key: { sku: 'S' }, item: z.object({ available: z.int() }) }),
  points: defineTable({ name: 'points', key: { customerId: 'S' }, item: z.object({ points: z.number() }) }),
  /** What happened to the points of each order. */
  awards: defineTable({
    name: 'awards',
    key: { orderId: 'S' },
    item: z.object({
      customerId: z.string(),
      state: z.enum(['awarded', 'withheld', 'taken-back']),
      points: z.int(),
    }),
    expires: true,
  }),
};
