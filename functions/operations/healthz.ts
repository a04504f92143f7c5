import * as z from 'zod';

import { ok } from '../../lib/http/answer.ts';
import { open } from '../../lib/http/auth/access.ts';
import { endpoint, type Route } from '../../lib/http/endpoint.ts';
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
