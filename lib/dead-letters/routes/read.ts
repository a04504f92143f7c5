import * as z from 'zod';

import { deadLetterStatuses } from '../../archive/dead-letter.ts';
import { operator } from '../../http/auth/operator.ts';
import type { Route } from '../../http/endpoint.ts';
import { cursor, filter } from './filter.ts';
import { bodyCheck, path } from './shared-schemas.ts';

const at = z.iso.datetime();

/** The schema of a dead letter in the response that lists dead letters. The response contains neither bodies nor headers. */
const deadLetter = z.strictObject({
  id: z.string(),
  messageId: z.string().optional(),
  type: z.string().optional(),
  correlationId: z.string().optional(),
  queue: z.string().optional(),
  shard: z.string().optional(),
  code: z.string(),
  reason: z.string(),
  group: z.string(),
  client: z.string().optional(),
  unwritable: z.string().optional(),
  frames: z.string().optional(),
  attempt: z.int(),
  redrives: z.int(),
  publishedAt: z.string().optional(),
  deadLetteredAt: at,
  archivedAt: at,
  traceparent: z.string().optional(),
  status: z.enum(deadLetterStatuses),
  timesRedriven: z.int(),
  supersededBy: z.string().optional(),
  editedFrom: z.string().optional(),
  payloadHash: z.string(),
  bodyBytes: z.int(),
  redrivenAt: at.optional(),
  discardReason: z.string().optional(),
});

const exampleDeadLetter: z.infer<typeof deadLetter> = {
  id: '3f0a4c1e-0000-5000-8000-000000000001',
  messageId: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10',
  queue: 'invoices',
  code: 'ATTEMPTS_EXHAUSTED',
  reason: 'UNKNOWN_ERROR: connection refused',
  group: '4b0f2f1c9d7e8a63',
  attempt: 4,
  redrives: 0,
  deadLetteredAt: '2026-11-22T12:00:07.500Z',
  archivedAt: '2026-11-22T12:00:08.000Z',
  status: 'open',
  timesRedriven: 0,
  payloadHash: '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  bodyBytes: 2,
};

const deadLetterList = z.strictObject({ deadLetters: z.array(deadLetter), cursor: z.string().optional() });

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

/** The schema of the groups of dead letters. The dead letters of a group have the same queue, code and cause. */
const deadLetterGroups = z.strictObject({
  groups: z.array(
    z.strictObject({
      group: z.string(),
      queue: z.string().optional(),
      code: z.string(),
      cause: z.string(),
      reason: z.string(),
      count: z.int(),
      redrivenBefore: z.int(),
      firstAt: at,
      lastAt: at,
      history: z.array(z.int()),
    }),
  ),
  from: at,
  to: at,
  isIncomplete: z.boolean(),
});

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

const archiveAction = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('redriven'),
    at,
    by: z.string().optional(),
    redrives: z.int(),
    reason: z.string().optional(),
  }),
  z.strictObject({ action: z.literal('discarded'), at, by: z.string().optional(), reason: z.string() }),
  z.strictObject({
    action: z.literal('superseded'),
    at,
    by: z.string().optional(),
    reason: z.string(),
    messageId: z.string(),
  }),
]);

const editOfDeadLetter = z.strictObject({
  messageId: z.string(),
  status: z.enum(['pending', 'published', 'dead-lettered']),
  at,
  publishedAt: at.optional(),
  error: z.string().optional(),
});

/** The schema of a dead letter in a response that also contains the message and the actions of operators. */
const deadLetterDetails = deadLetter.extend({
  history: z.array(archiveAction),
  /**
   * The failed attempts since the message was published or last redriven, oldest first. `delaySeconds` is the delay
   * before the next attempt; the last failed attempt has none.
   */
  attempts: z.array(
    z.strictObject({
      attempt: z.int(),
      at,
      delaySeconds: z.number().optional(),
      error: z.strictObject({ code: z.string(), message: z.string() }),
    }),
  ),
  properties: z.record(z.string(), z.unknown()),
  headers: z.unknown(),
  body: z.strictObject({ base64: z.base64(), text: z.string().optional() }),
  ...bodyCheck,
  edit: editOfDeadLetter.optional(),
});

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
