import { ok } from '../../lib/http/answer.ts';
import { open } from '../../lib/http/auth/access.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import type { Route } from '../../lib/http/route.ts';
import { alive } from './answers.ts';

export const route = {
  route: 'GET /healthz',
  summary: 'This function runs; it asks nothing of anyone.',
  access: open,
  answers: { 200: alive },
  example: { answer: { status: 'alive' } },
} satisfies Route;

/** GET /healthz: this function runs. Asks nothing of anyone. */
export const handler = endpoint(route, () => ok({ status: 'alive' }));
