import * as z from 'zod';

import { reason } from '../../http/audit.ts';
import { operator } from '../../http/auth/operator.ts';
import type { Route } from '../../http/endpoint.ts';
import { filter } from './filter.ts';
import { path } from './shared-schemas.ts';

const redrivenDeadLetter = z.strictObject({
  id: z.string(),
  status: z.literal('redriven'),
  queue: z.string().optional(),
  messageId: z.string().optional(),
});

export const redriveRoute = {
  route: 'POST /dead-letters/{id}/redrive',
  summary: 'Publishes the message to the queue it came from, starting again with the first attempt.',
  access: operator('dead-letters:redrive'),
  path,
  body: z.strictObject({ force: z.boolean().default(false), reason: reason.optional() }).default({ force: false }),
  needs: ['store', 'broker'],
  answers: { 200: redrivenDeadLetter },
  problems: [
    'not-found',
    'already-redriven',
    'already-discarded',
    'already-superseded',
    'too-old',
    'no-origin',
    'unwritable',
  ],
  example: {
    body: { reason: 'the addresses were corrected' },
    answer: { id: '3f0a4c1e-0000-5000-8000-000000000001', status: 'redriven', queue: 'invoices' },
  },
} satisfies Route;

const redriveReport = z.strictObject({
  redriven: z.int(),
  selected: z.int(),
  skipped: z.array(z.strictObject({ id: z.string(), reason: z.string() })),
  failed: z.array(z.strictObject({ id: z.string(), code: z.string() })),
  unwritable: z.array(z.strictObject({ id: z.string(), reason: z.string() })),
  more: z.boolean(),
});

export const redriveManyRoute = {
  route: 'POST /dead-letters/redrive',
  summary: 'Redrives the open dead letters that match a filter, oldest first.',
  access: operator('dead-letters:redrive'),
  body: z.strictObject({
    filter: z.strictObject(filter),
    maximum: z.int().min(1).max(1_000).default(100),
    force: z.boolean().default(false),
    reason: reason.optional(),
  }),
  needs: ['store', 'broker'],
  answers: { 200: redriveReport },
  example: {
    body: {
      filter: { queue: 'invoices', code: 'ATTEMPTS_EXHAUSTED' },
      maximum: 100,
      reason: 'the addresses were corrected',
    },
    answer: { redriven: 12, selected: 12, skipped: [], failed: [], unwritable: [], more: false },
  },
} satisfies Route;

const discardedDeadLetter = z.strictObject({
  id: z.string(),
  status: z.literal('discarded'),
  discardReason: z.string(),
});

export const discardRoute = {
  route: 'DELETE /dead-letters/{id}',
  summary: 'Discards an open dead letter; the archive keeps the message and the reason until the retention ends.',
  access: operator('dead-letters:redrive'),
  path,
  body: z.strictObject({ reason }),
  needs: ['store'],
  answers: { 200: discardedDeadLetter },
  problems: ['not-found', 'already-redriven', 'already-discarded', 'already-superseded'],
  example: {
    body: { reason: 'a test message' },
    answer: { id: '3f0a4c1e-0000-5000-8000-000000000001', status: 'discarded', discardReason: 'a test message' },
  },
} satisfies Route;
