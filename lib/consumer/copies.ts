import { randomUUID } from 'node:crypto';

import { bareDeadLetter, deadLetterCopy, retryCopy } from '../events/copies.ts';
import type { DeadLetterNote } from '../events/envelope.ts';
import { deriveId, type MessageId } from '../events/message-id.ts';
import type { Message } from '../events/message.ts';
import { unwritableParts } from '../rabbitmq/encode-message.ts';
import { describeParts, withoutParts } from '../rabbitmq/unwritable.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import type { PublishError } from '../runtime/errors.ts';
import type { Delivery } from './delivery.ts';
import type { DeadLettered, Postponed, Retried } from './outcome.ts';

/** The outcomes for which a copy of the message is published. */
export type Failed = Retried | Postponed | DeadLettered;

/** A failed message and the copy of it to publish. */
export interface CopyToPublish {
  readonly delivery: Delivery;
  readonly outcome: Failed;
  readonly copy: Message;
  /** A smaller dead letter to publish if the broker refuses this one; without one the message is archived. */
  readonly smaller?: () => CopyToPublish;
}

/** `at` is the time of the settlement in ISO 8601. */
export const copyOf = (delivery: Delivery, outcome: Failed, queue: WorkQueue, at: string): CopyToPublish =>
  outcome.is === 'dead-letter'
    ? deadLetterToPublish(delivery, outcome, queue, at)
    : { delivery, outcome, copy: delayedCopy(delivery, outcome) };

function delayedCopy(delivery: Delivery, { is, delayQueue }: Retried | Postponed): Message {
  const { attempt } = delivery.envelope;
  return retryCopy(delivery, delivery.queue, delayQueue.name, is === 'retry' ? attempt + 1 : attempt);
}

/** Turns a retry into a dead letter if AMQP cannot carry a property or header of the message unchanged. */
export function refuseUnwritable(delivery: Delivery, outcome: Failed): Failed {
  if (outcome.is === 'dead-letter') return outcome;
  const parts = unwritableParts(delayedCopy(delivery, outcome));
  if (parts.length === 0) return outcome;
  return asDeadLetter(outcome, { code: 'UNWRITABLE', message: `a copy cannot carry ${describeParts(parts)}` });
}

/** The dead letter of a message whose copy the broker refuses; the text says both why the message failed and why the copy did. */
export const asDeadLetter = (
  outcome: Failed,
  { code, message }: Pick<PublishError, 'code' | 'message'>,
): DeadLettered =>
  outcome.is === 'dead-letter'
    ? { ...outcome, message: `${outcome.code}: ${outcome.message}; archived past the broker, since ${message}` }
    : {
        is: 'dead-letter',
        code,
        failure: outcome.is === 'retry' ? outcome.failure : undefined,
        message: `not retried: ${message}; it failed with ${outcome.code}: ${outcome.message}`,
      };

/** Frame sizes that a dead letter is shortened to if the whole message does not fit: one for usual brokers, one for any broker. */
const FITTED_BYTES = 120_000;
const SMALL_BYTES = 8_192;

/** Starts with everything that AMQP can carry; the smaller copies have what fits into a small frame, then only id, body and reason. */
function deadLetterToPublish(delivery: Delivery, outcome: DeadLettered, queue: WorkQueue, at: string): CopyToPublish {
  const { deadLetterExchange: exchange } = queue;
  const { leftOut } = delivery.envelope;
  const note: DeadLetterNote = {
    id: deadLetterId(delivery, queue, outcome),
    code: outcome.code,
    reason: outcome.message,
    frames: outcome.failure?.frames,
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

/** Copies of the same dead letter have one id. A message without an id gets a random one: equal bodies can be two messages. */
export function deadLetterId(
  { id, envelope, payloadHash }: Delivery,
  queue: WorkQueue,
  { code, givenUpAt }: Pick<DeadLettered, 'code' | 'givenUpAt'>,
): MessageId {
  if (!id) return randomUUID() as MessageId;
  const { redrives, attempt } = givenUpAt ?? envelope;
  return deriveId('dead-letter', queue.name, id, payloadHash, code, String(redrives), String(attempt));
}
