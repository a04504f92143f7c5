import * as z from 'zod';

import { operator } from '../http/auth/operator.ts';
import type { Route } from '../http/endpoint.ts';
import { exampleTimeline, timelineSchema } from './schema.ts';

/**
 * The route needs the scope for reading dead letters, because a timeline also shows error messages and the reasons that
 * operators gave. A timeline shows no message body.
 */
export const messageRoute = {
  route: 'GET /messages/{id}',
  summary:
    'Returns what is recorded about a message: its state and attempts in each queue, its dead letters and redrives, and its follow-up events.',
  access: operator('dead-letters:read'),
  path: z.object({ id: z.string().min(1).max(255) }),
  needs: ['store'],
  answers: { 200: timelineSchema },
  problems: ['not-found'],
  example: { answer: exampleTimeline },
} satisfies Route;
