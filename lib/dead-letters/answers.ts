import * as z from 'zod';

import { deadLetterStatuses } from './dead-letter.ts';

const at = z.iso.datetime();

/** A dead letter as a list shows it. */
const deadLetter = z.strictObject({
  id: z.string(),
  messageId: z.string().optional(),
  type: z.string().optional(),
  correlationId: z.string().optional(),
  queue: z.string().optional(),
  shard: z.string().optional(),
  code: z.string(),
  reason: z.string(),
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
  payloadHash: z.string(),
  bodyBytes: z.int(),
  redrivenAt: at.optional(),
  discardReason: z.string().optional(),
});

export const exampleLetter: z.infer<typeof deadLetter> = {
  id: '3f0a4c1e-0000-5000-8000-000000000001',
  messageId: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10',
  queue: 'points',
  code: 'ATTEMPTS_EXHAUSTED',
  reason: 'UNKNOWN_ERROR: it went off',
  attempt: 4,
  redrives: 0,
  deadLetteredAt: '2026-11-22T12:00:07.500Z',
  archivedAt: '2026-11-22T12:00:08.000Z',
  status: 'open',
  timesRedriven: 0,
  payloadHash: '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  bodyBytes: 2,
};

export const deadLetterList = z.strictObject({ deadLetters: z.array(deadLetter), cursor: z.string().optional() });

const deed = z.discriminatedUnion('is', [
  z.strictObject({ is: z.literal('redriven'), at, redrives: z.int() }),
  z.strictObject({ is: z.literal('discarded'), at, reason: z.string() }),
]);

/** With all that is known of it. */
export const wholeDeadLetter = deadLetter.extend({
  history: z.array(deed),
  properties: z.record(z.string(), z.unknown()),
  headers: z.unknown(),
  body: z.strictObject({ base64: z.base64(), text: z.string().optional() }),
});

export const redrivenLetter = z.strictObject({
  id: z.string(),
  status: z.literal('redriven'),
  queue: z.string().optional(),
  messageId: z.string().optional(),
});

export const redriveReport = z.strictObject({
  redriven: z.int(),
  skipped: z.array(z.strictObject({ id: z.string(), why: z.string() })),
  failed: z.array(z.strictObject({ id: z.string(), code: z.string() })),
  unwritable: z.array(z.strictObject({ id: z.string(), why: z.string() })),
  more: z.boolean(),
});

export const discardedLetter = z.strictObject({
  id: z.string(),
  status: z.literal('discarded'),
  discardReason: z.string(),
});
