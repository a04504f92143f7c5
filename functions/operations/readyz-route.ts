import * as z from 'zod';
import { open, type Route } from 'surehop/http';

const breaker = z.enum(['closed', 'half-open', 'open']);

/**
 * The route GET /readyz has its own file, so that the OpenAPI document can include the route without importing the AMQP
 * client.
 */
export const route = {
  route: 'GET /readyz',
  summary: 'Checks that the broker and the store answer.',
  access: open,
  answers: {
    200: z.strictObject({
      status: z.literal('ready'),
      breakers: z.strictObject({ broker: breaker, store: breaker }),
    }),
  },
  problems: ['not-ready'],
  example: { answer: { status: 'ready', breakers: { broker: 'closed', store: 'closed' } } },
} satisfies Route;
