import * as z from 'zod';

import { reason } from '../../http/audit.ts';
import { operator } from '../../http/auth/operator.ts';
import type { Route } from '../../http/endpoint.ts';
import { bodyCheck, hasReason, path, reasonMissing, text } from './shared-schemas.ts';

/** The schema of the response to a dry run of an edit. A dry run only checks the edited body. */
const editCheck = z.strictObject({
  id: z.string(),
  dryRun: z.literal(true),
  isValid: z.boolean(),
  ...bodyCheck,
});

const editedDeadLetter = z.strictObject({
  id: z.string(),
  status: z.literal('superseded'),
  messageId: z.string(),
  queue: z.string().optional(),
  /**
   * Whether the broker has confirmed the edited message. If not, the service tries to publish it again within minutes.
   */
  isPublished: z.boolean(),
  error: z.string().optional(),
});

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
    .refine(hasReason, reasonMissing),
  needs: ['store', 'broker'],
  answers: { 200: z.union([editedDeadLetter, editCheck]), 202: editedDeadLetter },
  problems: [
    'not-found',
    'already-redriven',
    'already-discarded',
    'already-superseded',
    'already-processed',
    'being-processed',
    'unreadable-marker',
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
