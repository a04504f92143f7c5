import * as z from 'zod';
import { operator } from '../../lib/http/auth/operator.ts';
import { reason } from '../../lib/http/reason.ts';
import type { Route } from '../../lib/http/route.ts';
import { redrivenLetter } from '../../lib/dead-letters/answers.ts';
import { path } from './path.ts';

/** Who may ask for it, with what, and what is answered. */
export const route = {
  route: 'POST /dead-letters/{id}/redrive',
  summary: 'Sends a message back to the queue it came from, its attempts counted afresh.',
  access: operator('dead-letters:redrive'),
  path,
  body: z.strictObject({ force: z.boolean().default(false), reason: reason.optional() }).default({ force: false }),
  needs: ['store', 'broker'],
  answers: { 200: redrivenLetter },
  problems: ['not-found', 'already-redriven', 'already-discarded', 'too-old', 'no-origin', 'unwritable'],
  example: {
    body: { reason: 'the item was mended' },
    answer: { id: '3f0a4c1e-0000-5000-8000-000000000001', status: 'redriven', queue: 'points' },
  },
} satisfies Route;
