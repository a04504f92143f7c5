import * as z from 'zod';
import { readItem } from 'surehop/dynamodb';
import { endpoint, ok, open, Problem, type Route } from 'surehop/http';
import { createTimelines } from 'surehop/timeline';

import { tables } from '../../infra/tables.ts';
import { surehop } from '../surehop.ts';
import { orderQueues, orderStatus, orderStatusSchema } from './order-status.ts';

export const route = {
  route: 'GET /orders/{id}',
  summary: 'Returns the status of an order and the outcome of each of its consumers.',
  access: open,
  path: z.object({ id: z.string().min(1).max(100).toLowerCase() }),
  needs: ['store'],
  answers: { 200: orderStatusSchema },
  problems: ['not-found'],
  example: {
    answer: {
      orderId: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10',
      status: 'fulfilled',
      acceptedAt: '2026-11-22T12:00:00.000Z',
      consumers: {
        stock: { outcome: 'completed', at: '2026-11-22T12:00:00.180Z' },
        points: { outcome: 'completed', at: '2026-11-22T12:00:00.190Z' },
      },
    },
  },
} satisfies Route;

const messages = createTimelines(surehop, orderQueues);

/** GET /orders/{id} */
export const handler = endpoint(surehop, route, async ({ path: { id }, note }) => {
  note({ orderId: id });
  const [intake, states] = await Promise.all([readItem(surehop, tables.orders, { orderId: id }), messages.states(id)]);
  const status = orderStatus(id, intake, states);
  if (!status) throw new Problem('not-found', 'There is no order with this id.');
  return ok(status);
});
