import { deriveId } from 'surehop/events';
import { endpoint, idempotencyKeyProblems, publishProblems, signature, type Route } from 'surehop/http';
import { idempotencyKey } from 'surehop/idempotency';
import { eventPublisher } from 'surehop/rabbitmq';
import * as z from 'zod';

import { surehop } from '../surehop.ts';
import { order, orderPlaced } from './events.ts';

export const route = {
  route: 'POST /orders',
  summary: 'Accepts an order as soon as the broker has confirmed its event.',
  access: signature,
  body: order,
  answers: { 202: z.strictObject({ orderId: z.uuid() }) },
  problems: [...idempotencyKeyProblems, ...publishProblems],
  example: {
    body: { customerId: 'ada', cents: 250 },
    answer: { orderId: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10' },
  },
} satisfies Route;

const publishEvent = eventPublisher(surehop);

/** POST /orders */
export const handler = endpoint(surehop, route, async (request) => {
  // The id follows from the client and its key. A repeated request therefore has no second effect.
  const orderId = deriveId('order', request.client, idempotencyKey(request));
  request.note({ orderId });
  await publishEvent(orderPlaced, { ...request.body, orderId }, { id: orderId, trace: request });
  return { status: 202, body: { orderId } };
});
