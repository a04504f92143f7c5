import * as z from 'zod';
import { readItem } from 'surehop/dynamodb';
import { endpoint, ok, open, Problem, type Route } from 'surehop/http';

import { tables } from '../../infra/tables.ts';
import { surehop } from '../surehop.ts';
import { sku } from './events.ts';

export const route = {
  route: 'GET /stock/{sku}',
  summary: 'Returns how many items of a SKU are available.',
  access: open,
  path: z.object({ sku }),
  needs: ['store'],
  answers: { 200: z.strictObject({ sku, available: z.int() }) },
  problems: ['not-found'],
  example: { answer: { sku: 'apple', available: 98 } },
} satisfies Route;

/** GET /stock/{sku} */
export const handler = endpoint(surehop, route, async ({ path: { sku } }) => {
  const item = await readItem(surehop, tables.stock, { sku });
  if (item === undefined) throw new Problem('not-found', `No stock was ever set for ${sku}.`);
  return ok({ sku, available: item.available });
});
