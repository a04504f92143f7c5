import { isUtf8 } from 'node:buffer';

import * as z from 'zod';

import { plainOf } from '../events/json-form.ts';
import { deadLetterStatuses, type ArchivedMessage, type DeadLetter } from '../archive/dead-letter.ts';
import type { EditedMessage } from '../archive/edited-message.ts';
import type { BodyCheck } from './check-body.ts';
import { isBrokerCode } from './origin.ts';

const at = z.iso.datetime();

/** The schema of a dead letter in a list response. A list response contains no messages. */
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

export const exampleDeadLetter: z.infer<typeof deadLetter> = {
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

export const deadLetterList = z.strictObject({ deadLetters: z.array(deadLetter), cursor: z.string().optional() });

/** The schema of the groups of dead letters. The dead letters of a group have the same queue, code and cause. */
export const deadLetterGroups = z.strictObject({
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

/**
 * The result of checking the body of a message against the schema of the event. `schema` is absent if the service does
 * not define the event.
 */
const bodyCheck = {
  schema: z.strictObject({ type: z.string(), version: z.int() }).optional(),
  faults: z.array(z.strictObject({ path: z.string(), message: z.string() })),
};

const editOfDeadLetter = z.strictObject({
  messageId: z.string(),
  status: z.enum(['pending', 'published', 'dead-lettered']),
  at,
  publishedAt: at.optional(),
  error: z.string().optional(),
});

/** The schema of a dead letter in a response that also contains the message and the actions of operators. */
export const deadLetterDetails = deadLetter.extend({
  history: z.array(archiveAction),
  /**
   * The failed attempts since the message was published or redriven, oldest first. The last failed attempt has no
   * delay.
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

/** The schema of the response to a dry run of an edit. A dry run only checks the edited body. */
export const editCheck = z.strictObject({
  id: z.string(),
  dryRun: z.literal(true),
  isValid: z.boolean(),
  ...bodyCheck,
});

export const editedDeadLetter = z.strictObject({
  id: z.string(),
  status: z.literal('superseded'),
  messageId: z.string(),
  queue: z.string().optional(),
  /**
   * Whether the broker has confirmed the edited message. If not, the service publishes the edited message within
   * minutes.
   */
  isPublished: z.boolean(),
  error: z.string().optional(),
});

export const redrivenDeadLetter = z.strictObject({
  id: z.string(),
  status: z.literal('redriven'),
  queue: z.string().optional(),
  messageId: z.string().optional(),
});

export const redriveReport = z.strictObject({
  redriven: z.int(),
  selected: z.int(),
  skipped: z.array(z.strictObject({ id: z.string(), reason: z.string() })),
  failed: z.array(z.strictObject({ id: z.string(), code: z.string() })),
  unwritable: z.array(z.strictObject({ id: z.string(), reason: z.string() })),
  more: z.boolean(),
});

export const deadLetterJob = z.strictObject({
  id: z.string(),
  order: z.strictObject({
    action: z.enum(['redrive', 'discard']),
    ids: z.array(z.string()).optional(),
    filter: z.record(z.string(), z.string()).optional(),
    maximum: z.int(),
    force: z.boolean(),
    ratePerSecond: z.number(),
    reason: z.string(),
    requestedBy: z.string(),
  }),
  createdAt: at,
  updatedAt: at,
  status: z.enum(['running', 'done', 'cancelled']),
  progress: z.strictObject({
    done: z.int(),
    failed: z.int(),
    skipped: z.record(z.string(), z.int()),
    error: z.string().optional(),
  }),
  position: z.string().optional(),
});

/** The schema of the response to a dry run of a job. */
export const jobDryRun = z.strictObject({
  dryRun: z.literal(true),
  /** How many of the examined dead letters the job would redrive or discard. */
  count: z.int(),
  skipped: z.array(z.strictObject({ id: z.string(), reason: z.string() })),
  /** Absent if every dead letter was examined. Otherwise, a request with this cursor examines the next dead letters. */
  cursor: z.string().optional(),
});

export const deadLetterJobs = z.strictObject({ jobs: z.array(deadLetterJob) });

export const exampleJob: z.infer<typeof deadLetterJob> = {
  id: 'job-5f0a4c1e-0000-4000-8000-000000000002',
  order: {
    action: 'redrive',
    filter: { queue: 'invoices', code: 'ATTEMPTS_EXHAUSTED' },
    maximum: 1_000_000,
    force: false,
    ratePerSecond: 20,
    reason: 'the addresses were corrected',
    requestedBy: 'operator',
  },
  createdAt: '2026-11-22T12:00:00.000Z',
  updatedAt: '2026-11-22T12:00:09.000Z',
  status: 'running',
  progress: { done: 160, failed: 0, skipped: { 'too-old': 9 } },
};

export const discardedDeadLetter = z.strictObject({
  id: z.string(),
  status: z.literal('discarded'),
  discardReason: z.string(),
});

export const MAX_TEXT_BYTES = 1_000_000;

export function summaryOf({ history, ...deadLetter }: DeadLetter): object {
  const last = history.at(-1);
  return {
    ...deadLetter,
    failedAttempts: undefined,
    redrivenAt: history.findLast(({ action }) => action === 'redriven')?.at,
    discardReason: last?.action === 'discarded' ? last.reason : undefined,
  };
}

/**
 * Returns the failed attempts that led to a dead letter. The list can be empty, because RabbitMQ can dead-letter a
 * message without an attempt.
 */
function attemptsOf({ failedAttempts = [], attempt, deadLetteredAt, code, reason }: DeadLetter) {
  const earlier = failedAttempts.map(({ attempt, at, delayMs, code, message }) => ({
    attempt,
    at,
    delaySeconds: delayMs / 1_000,
    error: { code, message },
  }));
  if (isBrokerCode(code)) return earlier;
  return [...earlier, { attempt, at: deadLetteredAt, error: { code, message: reason } }];
}

export const detailsOf = (
  deadLetter: DeadLetter,
  { body, properties }: ArchivedMessage,
  check: BodyCheck,
  edit: EditedMessage | undefined,
): object => ({
  ...summaryOf(deadLetter),
  history: deadLetter.history,
  attempts: attemptsOf(deadLetter),
  properties: { ...properties, headers: undefined },
  headers: Object.fromEntries(Object.entries(properties.headers).map(([name, value]) => [name, plainOf(value)])),
  body: {
    base64: body.toString('base64'),
    text: body.length <= MAX_TEXT_BYTES && isUtf8(body) ? body.toString() : undefined,
  },
  ...checkAnswer(check),
  edit: edit && {
    messageId: edit.messageId,
    status: edit.status,
    at: edit.at,
    publishedAt: edit.publishedAt,
    error: edit.error,
  },
});

export const checkAnswer = ({
  event,
  faults,
}: BodyCheck): Pick<BodyCheck, 'faults'> & {
  readonly schema?: { readonly type: string; readonly version: number };
} => ({
  schema: event && { type: event.type, version: event.version },
  faults,
});
