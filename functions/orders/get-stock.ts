import * as z from 'zod';

import { tables } from '../../infra/tables.ts';
import { readItem } from '../../lib/dynamodb/read-item.ts';
import { ok } from '../../lib/http/answer.ts';
import { open } from '../../lib/http/auth/access.ts';
import { endpoint, type Route } from '../../lib/http/endpoint.ts';
import { Problem } from '../../lib/http/problem.ts';
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
  if (typeof item?.available !== 'number') throw new Problem('not-found', `No stock was ever set for ${sku}.`);
  return ok({ sku, available: item.available });
});
