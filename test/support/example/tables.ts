import * as z from 'zod';

import { defineTable } from '../../../lib/dynamodb/tables.ts';

/** The DynamoDB tables of a lending library, the example domain of the toolkit's tests. */
export const tables = {
  library: defineTable({ name: 'library', key: { loanId: 'S' }, expires: true }),
  loans: defineTable({ name: 'loans', key: { isbn: 'S' }, item: z.object({ available: z.int() }) }),
  notices: defineTable({ name: 'notices', key: { customerId: 'S' }, item: z.object({ notices: z.number() }) }),
  receipts: defineTable({
    name: 'receipts',
    key: { loanId: 'S' },
    item: z.object({
      customerId: z.string(),
      state: z.enum(['awarded', 'withheld', 'taken-back']),
      notices: z.int(),
    }),
    expires: true,
  }),
};
