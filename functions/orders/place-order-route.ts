import * as z from 'zod';
import { idempotencyKeyProblems, publishProblems, signature, type Route } from 'surehop/http';

import { order } from './events.ts';

/**
 * The route POST /orders. The function `openapi` imports the route from this file and not from place-order.ts, because
 * place-order.ts needs the settings of the broker, and would add the AMQP client to the bundle of `openapi`.
 */
export const route = {
  route: 'POST /orders',
  summary:
    'Accepts an order once the broker has confirmed its event. Repeating a request with the same key and order gives the same answer.',
  access: signature,
  body: order,
  answers: { 202: z.strictObject({ orderId: z.uuid(), status: z.literal('accepted') }) },
  problems: [...idempotencyKeyProblems, 'idempotency-key-reused', 'request-in-progress', ...publishProblems],
  example: {
    body: { customerId: 'ada', currency: 'EUR', items: [{ sku: 'apple', quantity: 2, unitPrice: 150 }] },
    answer: { orderId: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10', status: 'accepted' },
  },
} satisfies Route;
