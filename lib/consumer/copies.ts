import { randomUUID } from 'node:crypto';

import { bareDeadLetter, deadLetterCopy, postponedCopy, retryCopy } from '../events/copies.ts';
import type { DeadLetterNote } from '../events/envelope.ts';
import type { FailedAttempt } from '../events/failed-attempts.ts';
import { deriveId, type MessageId } from '../events/message-id.ts';
import type { Message } from '../events/message.ts';
import type { Attempt, Handoff } from '../inbox/inbox.ts';
import type { Delivery } from '../message/delivery.ts';
import type { DeadLettered, Postponed, Retried } from '../message/outcome.ts';
import { unwritableParts } from '../rabbitmq/encode-message.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import { describeParts, withoutParts } from '../rabbitmq/unwritable.ts';
import type { PublishError } from '../runtime/errors.ts';
import type { Batch } from './batch.ts';
import { factsOf } from './facts.ts';

export type Failed = Retried | Postponed | DeadLettered;

export interface CopyToPublish {
  readonly delivery: Delivery;
  readonly outcome: Failed;
  readonly copy: Message;
  /**
   * Creates a smaller dead letter, which is published if the broker refuses the full dead letter. If absent, a refused
   * dead letter is stored in the archive directly.
   */
  readonly smaller?: () => CopyToPublish;
}

/** Creates the copy to publish for a failed message. `at` is the current time in ISO 8601. */
export const copyOf = (delivery: Delivery, outcome: Failed, queue: WorkQueue, at: string): CopyToPublish =>
  outcome.is === 'dead-letter'
    ? deadLetterToPublish(delivery, outcome, queue, at)
    : { delivery, outcome, copy: delayedCopy(delivery, outcome, at) };

function delayedCopy(delivery: Delivery, outcome: Retried | Postponed, at: string): Message {
  const { attempt } = delivery.envelope;
  const { name } = outcome.delayQueue;
  if (outcome.is === 'postponed') return postponedCopy(delivery, delivery.queue, name, attempt);
  const copy = retryCopy(delivery, delivery.queue, name, attempt + 1, failedAttemptsOf(delivery, outcome, at));
  // The list of failed attempts must not be the reason why the headers of a copy are too large.
  return unwritableParts(copy).length === 0 ? copy : retryCopy(delivery, delivery.queue, name, attempt + 1);
}

/** Returns all failed attempts to process a message since it was published or redriven, including the latest attempt. */
function failedAttemptsOf(
  { envelope: { attempt, failedAttempts = [] } }: Delivery,
  { delayQueue: { delayMs }, code, message }: Retried,
  at: string,
): FailedAttempt[] {
  return [...failedAttempts, { attempt, at, delayMs, code, message }];
}

/**
 * Turns a retry or a postponement into a dead letter if no copy of the message can be published, because AMQP cannot
 * encode a property or header of the message.
 */
export function refuseUnwritable(delivery: Delivery, outcome: Failed, at: string): Failed {
  if (outcome.is === 'dead-letter') return outcome;
  const parts = unwritableParts(delayedCopy(delivery, outcome, at));
  if (parts.length === 0) return outcome;
  return asDeadLetter(outcome, { code: 'UNWRITABLE', message: `AMQP cannot encode ${describeParts(parts)}` });
}

export const asDeadLetter = (
  outcome: Failed,
  { code, message }: Pick<PublishError, 'code' | 'message'>,
): DeadLettered =>
  outcome.is === 'dead-letter'
    ? { ...outcome, message: `${outcome.code}: ${outcome.message}; stored in the archive directly, because ${message}` }
    : {
        is: 'dead-letter',
        origin: 'failed',
        code,
        cause: outcome.is === 'retry' ? outcome.cause : { is: 'unknown' },
        message: `not retried: ${message}; it failed with ${outcome.code}: ${outcome.message}`,
      };

/**
 * How many bytes the headers and properties of a dead letter may have; those that do not fit are left out.
 * `FITTED_BYTES` applies if AMQP cannot encode all of them. If the broker refuses the dead letter, it is published
 * again with at most `SMALL_BYTES`.
 */
const FITTED_BYTES = 120_000;
const SMALL_BYTES = 8_192;

/** Creates a dead letter with all headers and properties of the message that AMQP can encode. */
function deadLetterToPublish(delivery: Delivery, outcome: DeadLettered, queue: WorkQueue, at: string): CopyToPublish {
  const { deadLetterExchange: exchange } = queue;
  const { leftOut } = delivery.envelope;
  const note: DeadLetterNote = {
    id: deadLetterId(delivery, queue, outcome),
    code: outcome.code,
    reason: outcome.message,
    frames: outcome.cause.is === 'thrown' ? outcome.cause.frames : undefined,
    queue: delivery.queue,
    at,
  };
  const whole = deadLetterCopy(delivery, exchange, note, leftOut);
  const fitted = (frameBytes: number): Message => {
    const parts = unwritableParts(whole, frameBytes);
    const notes = [leftOut, describeParts(parts)].filter(Boolean).join(', ');
    return deadLetterCopy(withoutParts(delivery, parts), exchange, note, notes);
  };
  const bare = () => bareDeadLetter(delivery, exchange, note, 'all headers and properties, which the broker refuses');
  const smallest = (): CopyToPublish => ({ delivery, outcome, copy: bare() });
  const smaller = (): CopyToPublish => ({ delivery, outcome, copy: fitted(SMALL_BYTES), smaller: smallest });
  const copy = unwritableParts(whole).length > 0 ? fitted(FITTED_BYTES) : whole;
  return { delivery, outcome, copy, smaller };
}

/**
 * Returns the id of a dead letter. If the message has an id, all copies of its dead letter get the same dead-letter id.
 * Otherwise, the dead-letter id is random, because different messages may have equal bodies.
 */
export function deadLetterId(delivery: Delivery, queue: WorkQueue, outcome: DeadLettered): MessageId {
  const { id, payloadHash } = delivery;
  if (!id) return randomUUID() as MessageId;
  const { redrives, attempt } = attemptOf(delivery, outcome);
  return deriveId('dead-letter', queue.name, id, payloadHash, outcome.code, String(redrives), String(attempt));
}

const attemptOf = ({ envelope }: Delivery, outcome: Failed): Attempt =>
  outcome.is === 'dead-letter' && outcome.origin === 'claimed' ? outcome.at : envelope;

/**
 * Returns an array with one entry: the content of the inbox marker that records a retry or a dead letter. The array is
 * empty for a message without an id, a postponed message and a payload mismatch, because the inbox does not record
 * them.
 */
export function handoffOf(delivery: Delivery, outcome: Failed, at: string, batch: Pick<Batch, 'startedAt'>): Handoff[] {
  const { id, payloadHash } = delivery;
  if (!id || outcome.is === 'postponed' || outcome.code === 'PAYLOAD_MISMATCH') return [];
  const { code, message } = outcome;
  const { redrives, attempt } = attemptOf(delivery, outcome);
  const base = { id, payloadHash, redrives, attempt, code, message };
  const facts = factsOf(delivery, batch);
  if (outcome.is === 'retry') {
    const failedAttempts = failedAttemptsOf(delivery, outcome, at);
    return [{ ...base, state: 'retrying', facts: { ...facts, failedAttempts } }];
  }
  // The lease of the message's own `perform` function must not prevent the message from becoming a dead letter.
  const leaseOwner = outcome.cause.is === 'still-running' ? outcome.cause.leaseOwner : undefined;
  return [{ ...base, state: 'dead-lettered', leaseOwner, facts }];
}
