import * as z from 'zod';

import { operator } from '../http/auth/operator.ts';
import { reason } from '../http/audit.ts';
import type { Route } from '../http/endpoint.ts';
import {
  deadLetterDetails,
  deadLetterGroups,
  deadLetterList,
  discardedDeadLetter,
  editCheck,
  editedDeadLetter,
  exampleDeadLetter,
  redrivenDeadLetter,
  deadLetterJob,
  deadLetterJobs,
  exampleJob,
  jobDryRun,
  redriveReport,
} from './answers.ts';
import { deadLetterStatuses } from '../archive/dead-letter.ts';
import { readCursor } from './list.ts';

const path = z.object({ id: z.string().min(1).max(255) });
const text = z.string().min(1).max(255);
/** A paging token of an earlier response, decoded to a position in the list. */
const cursor = z
  .string()
  .max(1_000)
  .transform((token, context) => {
    const position = readCursor(token);
    if (position === undefined) context.addIssue('not a cursor of this list');
    return position ?? z.NEVER;
  });
const time = z.iso.datetime({ offset: true }).transform((at) => new Date(at).toISOString());

/**
 * The request parameters that select dead letters: a dead letter must match all given values. `from` is inclusive, and
 * `to` is exclusive.
 */
const filter = {
  queue: text.optional(),
  code: text.optional(),
  type: text.optional(),
  group: text.optional(),
  client: text.optional(),
  text: text.optional(),
  from: time.optional(),
  to: time.optional(),
};

const reasonUnlessDryRun = [
  ({ dryRun, reason }: { readonly dryRun: boolean; readonly reason?: string }) => dryRun || reason !== undefined,
  { path: ['reason'], message: 'is required unless dryRun is true' },
] as const satisfies [unknown, object];

export const listRoute = {
  route: 'GET /dead-letters',
  summary: 'Lists dead letters page by page, newest first.',
  access: operator('dead-letters:read'),
  query: z.strictObject({
    ...filter,
    status: z.enum(deadLetterStatuses).optional(),
    limit: z
      .string()
      .regex(/^([1-9]\d?|100)$/, 'must be 1 to 100')
      .default('20')
      .transform(Number),
    cursor: cursor.optional(),
  }),
  needs: ['store'],
  answers: { 200: deadLetterList },
  example: { answer: { deadLetters: [exampleDeadLetter], cursor: 'MjAyNi0xMS0yMg' } },
} satisfies Route;

export const groupsRoute = {
  route: 'GET /dead-letters/groups',
  summary: 'Groups the open dead letters by queue, code and cause, largest group first.',
  access: operator('dead-letters:read'),
  query: z.strictObject({ ...filter, status: z.enum(deadLetterStatuses).default('open') }),
  needs: ['store'],
  answers: { 200: deadLetterGroups },
  example: {
    answer: {
      groups: [
        {
          group: '4b0f2f1c9d7e8a63',
          queue: 'invoices',
          code: 'ATTEMPTS_EXHAUSTED',
          cause: 'UNKNOWN_ERROR: connection refused',
          reason: 'UNKNOWN_ERROR: connection refused',
          count: 212,
          redrivenBefore: 9,
          firstAt: '2026-11-22T11:48:07.500Z',
          lastAt: '2026-11-22T12:00:07.500Z',
          history: [0, 3, 209],
        },
      ],
      from: '2026-11-22T11:00:00.000Z',
      to: '2026-11-22T12:00:10.000Z',
      isIncomplete: false,
    },
  },
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
      attempts: [
        {
          attempt: 3,
          at: '2026-11-22T12:00:03.500Z',
          delaySeconds: 4,
          error: { code: 'UNKNOWN_ERROR', message: 'connection refused' },
        },
        {
          attempt: 4,
          at: '2026-11-22T12:00:07.500Z',
          error: { code: 'ATTEMPTS_EXHAUSTED', message: 'UNKNOWN_ERROR: connection refused' },
        },
      ],
      properties: { contentType: 'application/json', deliveryMode: 2 },
      headers: { 'surehop-attempt': 4 },
      body: { base64: 'e30=', text: '{}' },
      schema: { type: 'invoice.requested', version: 1 },
      faults: [{ path: '/invoiceId', message: 'Invalid input: expected string, received undefined' }],
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

export const redriveManyRoute = {
  route: 'POST /dead-letters/redrive',
  summary:
    'Redrives the open dead letters that match a filter, oldest first.',
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

export const editRoute = {
  route: 'POST /dead-letters/{id}/edit',
  summary:
    'Publishes a message with an edited body in place of an open dead letter. With `dryRun`, only checks the body against the schema of its event.',
  access: operator('dead-letters:edit'),
  path,
  verbatim: { maxBytes: 2_000_000 },
  body: z
    .strictObject({
      body: z.strictObject({ text: z.string().optional(), base64: z.base64().optional() }),
      type: text.optional(),
      version: z.int().min(1).optional(),
      force: z.boolean().default(false),
      dryRun: z.boolean().default(false),
      reason: reason.optional(),
    })
    .refine(({ body: { text, base64 } }) => (text === undefined) !== (base64 === undefined), {
      path: ['body'],
      message: 'needs either text or base64',
    })
    .refine(...reasonUnlessDryRun),
  needs: ['store', 'broker'],
  answers: { 200: z.union([editedDeadLetter, editCheck]), 202: editedDeadLetter },
  problems: [
    'not-found',
    'already-redriven',
    'already-discarded',
    'already-superseded',
    'already-processed',
    'being-processed',
    'too-old',
    'no-origin',
    'invalid-message',
    'unwritable',
  ],
  example: {
    body: { body: { text: '{"invoiceId":"17"}' }, reason: 'the field invoiceId was missing' },
    answer: {
      id: '3f0a4c1e-0000-5000-8000-000000000001',
      status: 'superseded',
      messageId: '5b1de1f6-9a0f-5b5e-8d5e-000000000003',
      queue: 'invoices',
      isPublished: true,
    },
  },
} satisfies Route;

export const startJobRoute = {
  route: 'POST /dead-letters/jobs',
  summary:
    'Starts a job that redrives or discards dead letters, oldest first. The job continues in the background. With `dryRun`, only counts what the job would do.',
  access: operator('dead-letters:redrive'),
  body: z
    .strictObject({
      action: z.enum(['redrive', 'discard']),
      filter: z.strictObject(filter).optional(),
      ids: z.array(z.string().min(1).max(255)).min(1).max(1_000).optional(),
      maximum: z.int().min(1).max(1_000_000).default(1_000_000),
      force: z.boolean().default(false),
      ratePerSecond: z.number().min(0.1).max(1_000).default(50),
      dryRun: z.boolean().default(false),
      /** Continues the count of an earlier dry run with the same filter. */
      cursor: cursor.optional(),
      reason: reason.optional(),
    })
    .refine(({ filter, ids }) => (filter === undefined) !== (ids === undefined), 'needs either a filter or ids')
    .refine(({ cursor, filter, dryRun }) => cursor === undefined || (dryRun && filter !== undefined), {
      path: ['cursor'],
      message: 'continues only a dry run with a filter',
    })
    .refine(...reasonUnlessDryRun),
  needs: ['store'],
  answers: { 200: jobDryRun, 202: deadLetterJob },
  example: {
    body: {
      action: 'redrive',
      filter: { queue: 'invoices', code: 'ATTEMPTS_EXHAUSTED' },
      ratePerSecond: 20,
      reason: 'the addresses were corrected',
    },
    answer: exampleJob,
  },
} satisfies Route;

export const jobsRoute = {
  route: 'GET /dead-letters/jobs',
  summary: 'Lists the newest jobs, newest first.',
  access: operator('dead-letters:read'),
  needs: ['store'],
  answers: { 200: deadLetterJobs },
  example: { answer: { jobs: [exampleJob] } },
} satisfies Route;

export const changeJobRoute = {
  route: 'POST /dead-letters/jobs/{id}',
  summary: 'Cancels a job, or works on it until it ends or the request has to be answered. Returns the job.',
  access: operator('dead-letters:redrive'),
  path,
  body: z.strictObject({ action: z.enum(['continue', 'cancel']) }),
  needs: ['store', 'broker'],
  answers: { 200: deadLetterJob },
  problems: ['not-found'],
  example: { body: { action: 'continue' }, answer: exampleJob },
} satisfies Route;

/** The HTTP routes of the functions that manage dead letters. The OpenAPI document is generated from these routes. */
export const deadLetterRoutes = [
  listRoute,
  groupsRoute,
  getRoute,
  redriveRoute,
  redriveManyRoute,
  discardRoute,
  editRoute,
  startJobRoute,
  jobsRoute,
  changeJobRoute,
] as const satisfies readonly Route[];
