import { isUtf8 } from 'node:buffer';

import { plainOf } from '../events/json-form.ts';
import type { ArchivedMessage, DeadLetter } from '../archive/dead-letter.ts';
import type { BodyCheck } from './check-body.ts';
import type { EditedMessage } from './edited-message.ts';
import { isBrokerCode } from './origin.ts';

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
