import * as z from 'zod';

import { operator } from '../../lib/http/auth/operator.ts';
import { reason } from '../../lib/http/reason.ts';
import type { Route } from '../../lib/http/route.ts';
import { redriveReport } from '../../lib/dead-letters/answers.ts';

const text = z.string().min(1).max(255);

/** Who may ask for it, with what, and what is answered. */
export const route = {
  route: 'POST /dead-letters/redrive',
  summary: 'Sends many open dead letters back, oldest first.',
  access: operator('dead-letters:redrive'),
  body: z.strictObject({
    filter: z.strictObject({ queue: text.optional(), code: text.optional() }),
    maximum: z.int().min(1).max(1_000).default(100),
    force: z.boolean().default(false),
    reason: reason.optional(),
  }),
  needs: ['store', 'broker'],
  answers: { 200: redriveReport },
  example: {
    body: { filter: { queue: 'points', code: 'ATTEMPTS_EXHAUSTED' }, maximum: 100, reason: 'the items were mended' },
    answer: { redriven: 12, skipped: [], failed: [], unwritable: [], more: false },
  },
} satisfies Route;
