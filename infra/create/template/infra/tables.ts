import { defineTable } from 'surehop/tables';
import * as z from 'zod';

/** The DynamoDB tables of the service. Surehop adds its own tables, such as the inbox. */
export const tables = {
  balances: defineTable({ name: 'balances', key: { customerId: 'S' }, item: z.object({ cents: z.int() }) }),
};
