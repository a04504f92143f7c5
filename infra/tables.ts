import { defineTable } from 'surehop/tables';
import * as z from 'zod';

/**
 * The tables of the service. A deployment and `npm start` create the tables with these definitions, in addition to the
 * tables of the toolkit.
 */
export const tables = {
  /**
   * The orders that clients have placed over HTTP, with the idempotency keys of the requests. The toolkit writes this
   * table.
   */
  orders: defineTable({ name: 'orders', key: { orderId: 'S' }, expires: true }),
  stock: defineTable({ name: 'stock', key: { sku: 'S' }, item: z.object({ available: z.int() }) }),
  points: defineTable({ name: 'points', key: { customerId: 'S' }, item: z.object({ points: z.number() }) }),
  /** The state of each order's points: awarded, withheld, or taken back after they were awarded. */
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
