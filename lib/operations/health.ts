import * as z from 'zod';

import { open } from '../http/auth/access.ts';
import { operator } from '../http/auth/operator.ts';
import type { Route } from '../http/endpoint.ts';
import { statusSchema } from './queue-status.ts';

export const healthzRoute = {
  route: 'GET /healthz',
  summary: 'Answers as long as the function runs; calls no other service.',
  access: open,
  answers: { 200: z.strictObject({ status: z.literal('alive') }) },
  example: { answer: { status: 'alive' } },
} satisfies Route;

const breaker = z.enum(['closed', 'half-open', 'open']);

export const readyzRoute = {
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

export const statusRoute = {
  route: 'GET /status',
  summary: 'Returns how many messages wait in each queue, in the delay queues and in the archive.',
  access: operator('status:read'),
  answers: { 200: statusSchema },
  problems: ['status-unavailable'],
  example: {
    answer: {
      queues: [
        {
          name: 'invoices',
          ready: 0,
          unacknowledged: 12,
          delayed: 0,
          consumers: 1,
          retrying: 0,
          deadLettered: 3,
          oldestMessage: { publishedAt: '2026-11-22T12:00:00.000Z', asOf: '2026-11-22T12:00:00.180Z' },
        },
      ],
      delayQueues: [{ name: 'retry.1s', delayMs: 1_000, waiting: 0 }],
      deadLetters: { ready: 0, unacknowledged: 0, delayed: 0, open: 3, openIsAtLeast: false },
    },
  },
} satisfies Route;

export const openApiRoute = {
  route: 'GET /openapi.json',
  summary: 'Returns this document.',
  access: open,
  answers: { 200: z.looseObject({ openapi: z.string() }) },
  example: { answer: { openapi: '3.1.1' } },
} satisfies Route;

/** The HTTP routes of the functions that show the state of a service, in the order of the OpenAPI document. */
export const healthRoutes = [healthzRoute, readyzRoute, statusRoute, openApiRoute] as const satisfies readonly Route[];
