import * as z from 'zod';

import { operator } from '../http/auth/operator.ts';
import { reason } from '../http/audit.ts';
import type { Route } from '../http/endpoint.ts';
import {
  deadLetterDetails,
  deadLetterList,
  discardedDeadLetter,
  exampleDeadLetter,
  redrivenDeadLetter,
  redriveReport,
} from './answers.ts';
import { deadLetterStatuses } from '../archive/dead-letter.ts';
import { readCursor } from './list.ts';

const path = z.object({ id: z.string().min(1).max(255) });
const text = z.string().min(1).max(255);

export const listRoute = {
  route: 'GET /dead-letters',
  summary: 'Lists dead letters page by page, newest first.',
  access: operator('dead-letters:read'),
  query: z.strictObject({
    queue: text.optional(),
    code: text.optional(),
    status: z.enum(deadLetterStatuses).optional(),
    limit: z
      .string()
      .regex(/^([1-9]\d?|100)$/, 'must be 1 to 100')
      .default('20')
      .transform(Number),
    cursor: z.string().max(1_000).transform(readCursor).optional(),
  }),
  needs: ['store'],
  answers: { 200: deadLetterList },
  example: { answer: { deadLetters: [exampleDeadLetter], cursor: 'MjAyNi0xMS0yMg' } },
} satisfies Route;

export const getRoute = {
  route: 'GET /dead-letters/{id}',
  summary: 'Returns a dead letter with its history and its message, byte for byte.',
  access: operator('dead-letters:read'),
  path,
  needs: ['store'],
  answers: { 200: deadLetterDetails },
  problems: ['not-found'],
  example: {
    answer: {
      ...exampleDeadLetter,
      history: [],
      properties: { contentType: 'application/json', deliveryMode: 2 },
      headers: { 'surehop-attempt': 4 },
      body: { base64: 'e30=', text: '{}' },
    },
  },
} satisfies Route;

export const redriveRoute = {
  route: 'POST /dead-letters/{id}/redrive',
  summary: 'Publishes the message to the queue it came from, starting again with the first attempt.',
  access: operator('dead-letters:redrive'),
  path,
  body: z.strictObject({ force: z.boolean().default(false), reason: reason.optional() }).default({ force: false }),
  needs: ['store', 'broker'],
  answers: { 200: redrivenDeadLetter },
  problems: ['not-found', 'already-redriven', 'already-discarded', 'too-old', 'no-origin', 'unwritable'],
  example: {
    body: { reason: 'the addresses were corrected' },
    answer: { id: '3f0a4c1e-0000-5000-8000-000000000001', status: 'redriven', queue: 'invoices' },
  },
} satisfies Route;

export const redriveManyRoute = {
  route: 'POST /dead-letters/redrive',
  summary: 'Redrives the open dead letters that match a filter, oldest first.',
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
    body: {
      filter: { queue: 'invoices', code: 'ATTEMPTS_EXHAUSTED' },
      maximum: 100,
      reason: 'the addresses were corrected',
    },
    answer: { redriven: 12, skipped: [], failed: [], unwritable: [], more: false },
  },
} satisfies Route;

export const discardRoute = {
  route: 'DELETE /dead-letters/{id}',
  summary: 'Discards an open dead letter; the archive keeps the message and the reason until the retention ends.',
  access: operator('dead-letters:redrive'),
  path,
  body: z.strictObject({ reason }),
  needs: ['store'],
  answers: { 200: discardedDeadLetter },
  problems: ['not-found', 'already-redriven', 'already-discarded'],
  example: {
    body: { reason: 'a test message' },
    answer: { id: '3f0a4c1e-0000-5000-8000-000000000001', status: 'discarded', discardReason: 'a test message' },
  },
} satisfies Route;

/** The HTTP routes of the functions that manage dead letters. The OpenAPI document is generated from them. */
export const deadLetterRoutes = [
  listRoute,
  getRoute,
  redriveRoute,
  redriveManyRoute,
  discardRoute,
] as const satisfies readonly Route[];
