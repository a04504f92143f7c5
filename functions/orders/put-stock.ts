import * as z from 'zod';
import { audited, reason } from 'surehop/audit';
import { writeItem } from 'surehop/dynamodb';
import { endpoint, ok, operator, type Route } from 'surehop/http';

import { settings } from '../../infra/settings.ts';
import { tables } from '../../infra/tables.ts';
import { surehop } from '../surehop.ts';
import { sku } from './events.ts';

const { MAX_STOCK } = surehop.settings(settings);

export const route = {
  route: 'PUT /stock/{sku}',
  summary: 'Sets how many items of a SKU are available.',
  access: operator('stock:write'),
  path: z.object({ sku }),
  body: z.strictObject({ available: z.int().min(0).max(MAX_STOCK), reason: reason.optional() }),
  needs: ['store'],
  answers: { 200: z.strictObject({ sku, available: z.int() }) },
  example: { body: { available: 100, reason: 'delivery of Tuesday' }, answer: { sku: 'apple', available: 100 } },
} satisfies Route;

/** PUT /stock/{sku} */
export const handler = endpoint(surehop, route, async (request) => {
  const { sku } = request.path;
  const { available, reason } = request.body;
  request.note({ sku, available });
  await audited(request, { subject: `stock/${sku}`, requested: { available }, reason }, () =>
    writeItem(surehop, tables.stock.set({ sku }, { available })),
  );
  return ok({ sku, available });
});
