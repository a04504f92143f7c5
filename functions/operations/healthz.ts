import * as z from 'zod';

import { ok } from '../../lib/http/answer.ts';
import { open } from '../../lib/http/auth/access.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import type { Route } from '../../lib/http/route.ts';
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
