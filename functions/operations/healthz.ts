import * as z from 'zod';
import { endpoint, ok, open, type Route } from 'surehop/http';

import { surehop } from '../surehop.ts';

export const route = {
  route: 'GET /healthz',
  summary: 'Answers as long as the function runs; calls no other service.',
  access: open,
  answers: { 200: z.strictObject({ status: z.literal('alive') }) },
  example: { answer: { status: 'alive' } },
} satisfies Route;

/** GET /healthz */
export const handler = endpoint(surehop, route, () => ok({ status: 'alive' }));
