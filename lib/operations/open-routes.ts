import * as z from 'zod';

import { open } from '../http/auth/access.ts';
import type { Route } from '../http/endpoint.ts';

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

export const openApiRoute = {
  route: 'GET /openapi.json',
  summary: 'Returns this document.',
  access: open,
  answers: { 200: z.looseObject({ openapi: z.string() }) },
  example: { answer: { openapi: '3.1.1' } },
} satisfies Route;

export const consoleRoute = {
  route: 'GET /console',
  summary: "Returns the operators' console, a page that calls this API with the token of the operator.",
  access: open,
  answers: { 200: z.string() },
  mediaType: 'text/html',
  example: { answer: '<!doctype html>' },
} satisfies Route;
