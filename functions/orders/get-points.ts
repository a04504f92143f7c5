import * as z from 'zod';
import { readItem } from 'surehop/dynamodb';
import { endpoint, ok, open, type Route } from 'surehop/http';

import { tables } from '../../infra/tables.ts';
import { surehop } from '../surehop.ts';
import { customerId } from './events.ts';

export const route = {
  route: 'GET /customers/{id}/points',
  summary: "Returns a customer's points, or 0 if none were ever awarded.",
  access: open,
  path: z.object({ id: customerId }),
  needs: ['store'],
  answers: { 200: z.strictObject({ customerId, points: z.int() }) },
  example: { answer: { customerId: 'ada', points: 3 } },
} satisfies Route;

/** GET /customers/{id}/points: returns the points of one customer. */
export const handler = endpoint(surehop, route, async ({ path: { id } }) => {
  const item = await readItem(surehop, tables.points, { customerId: id });
  // The counter can exceed the largest integer that a JSON number represents exactly; the response is capped at that integer.
  return ok({ customerId: id, points: Math.min(item?.points ?? 0, Number.MAX_SAFE_INTEGER) });
});
