import * as z from 'zod';
import { readItem } from 'surehop/dynamodb';
import { endpoint, ok, operator, Problem, type Route } from 'surehop/http';
import { createTimelines } from 'surehop/timeline';

import { tables } from '../../infra/tables.ts';
import { queues } from '../../infra/topology.ts';
import { surehop } from '../surehop.ts';
import { exampleOrderTimeline, orderTimeline, orderTimelineSchema } from './order-timeline.ts';

export const route = {
  route: 'GET /orders/{id}/timeline',
  summary: 'Returns the recorded steps of an order: from its acceptance to the last outcome of its messages.',
  access: operator('dead-letters:read'),
  path: z.object({ id: z.string().min(1).max(100).toLowerCase() }),
  needs: ['store'],
  answers: { 200: orderTimelineSchema },
  problems: ['not-found'],
  example: { answer: exampleOrderTimeline },
} satisfies Route;

const timelines = createTimelines(surehop, queues);

/** GET /orders/{id}/timeline */
export const handler = endpoint(surehop, route, async ({ path: { id }, note }) => {
  note({ orderId: id });
  const [intake, award, messages] = await Promise.all([
    readItem(surehop, tables.orders, { orderId: id }),
    readItem(surehop, tables.awards, { orderId: id }),
    // The message id of the event of an order is the order id.
    timelines.read(id),
  ]);
  const names = Object.values(queues).map(({ name }) => name);
  const timeline = orderTimeline(id, intake, award, messages, names);
  if (!timeline) throw new Problem('not-found', 'There is no order with this id.');
  return ok(timeline);
});
