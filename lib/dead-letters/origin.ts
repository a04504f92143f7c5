import { randomUUID } from 'node:crypto';

import { toDeadLetter, type DeadLetter, type Origin } from '../archive/dead-letter.ts';
import { plainOf } from '../events/json-form.ts';
import { deriveId } from '../events/message-id.ts';
import type { Headers } from '../events/message.ts';
import { isoTime } from '../events/publish-time.ts';
import type { Delivery } from '../message/delivery.ts';
import { queueOfShard } from '../rabbitmq/topology/shards.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import { textOf, type KnownErrorCode } from '../runtime/error-codes.ts';
import type { ErrorCode } from '../runtime/errors.ts';
import { own } from '../runtime/own.ts';
import { shortText } from '../runtime/short-text.ts';

export const deadLetterFrom = (delivery: Delivery, queues: readonly WorkQueue[], nowMs: number): DeadLetter =>
  toDeadLetter(delivery, originOf(delivery, queues, new Date(nowMs).toISOString()), nowMs);

const ARCHIVE_ID = /^[\w-]{1,100}$/;

function originOf(
  { id: messageId, properties, envelope, payloadHash }: Delivery,
  queues: readonly WorkQueue[],
  now: string,
): Origin {
  // The copies that a consumer publishes have no x-death header. If there is one, the broker dead-lettered the message last.
  const death = readBrokerDeath(properties.headers);
  if (death) {
    const { queue, code, reason, at, fingerprint } = death;
    // Two messages without an id but with the same body look the same. Archiving one message twice is better than losing the
    // other.
    const id = messageId
      ? deriveId('dead-letter', queue, messageId, payloadHash, fingerprint, String(envelope.redrives))
      : randomUUID();
    return { id, ...locate(queue, queues), code, reason, deadLetteredAt: at ?? now };
  }
  const { deadLetter: note } = envelope;
  if (note) {
    const { id, queue, code, reason, frames, at } = note;
    return {
      // Other systems may write anything into this header, and the archive uses the id as a key.
      id: ARCHIVE_ID.test(id) ? id : deriveId('dead-letter', id),
      ...locate(queue, queues),
      code,
      frames: frames?.join('\n'),
      reason: envelope.leftOut ? `${shortText(reason, 500)}; left out: ${envelope.leftOut}` : reason,
      deadLetteredAt: isoTime(at) ?? now,
    };
  }
  return {
    id: messageId ? deriveId('dead-letter', '', messageId, payloadHash, String(envelope.redrives)) : randomUUID(),
    code: 'UNKNOWN_ERROR',
    reason: 'The message has no dead-letter headers: neither the broker nor a consumer dead-lettered it.',
    deadLetteredAt: now,
  };
}

function locate(shard: string, queues: readonly WorkQueue[]): Pick<DeadLetter, 'queue' | 'shard'> {
  const queue = queueOfShard(queues, shard)?.name ?? shard;
  return queue === shard ? { queue: shard || undefined } : { queue, shard };
}

/** What RabbitMQ wrote into the header `x-death` when it dead-lettered the message. */
interface BrokerDeath {
  readonly queue: string;
  readonly code: ErrorCode;
  readonly reason: string;
  /** When RabbitMQ dead-lettered the message (ISO 8601). Absent if the time in `x-death` cannot be parsed. */
  readonly at?: string;
  /**
   * A part of the text from which the dead-letter id is derived. It differs each time RabbitMQ dead-letters the
   * message.
   */
  readonly fingerprint: string;
}

/**
 * Surehop's error code for each reason that RabbitMQ writes into an `x-death` header
 * (https://www.rabbitmq.com/docs/dlx).
 */
const brokerReasons: Readonly<Record<string, KnownErrorCode>> = {
  expired: 'EXPIRED',
  delivery_limit: 'DELIVERY_LIMIT',
  maxlen: 'MAX_LENGTH',
  rejected: 'REJECTED',
};

/** Whether an error code shows that RabbitMQ dead-lettered the message, and not a consumer. */
export const isBrokerCode = (code: string): boolean => Object.values<string>(brokerReasons).includes(code);

/** Reads the first entry of the header `x-death`, which is the newest entry. */
function readBrokerDeath(headers: Headers): BrokerDeath | undefined {
  const deaths = plainOf(headers['x-death'] ?? null);
  const death: unknown = Array.isArray(deaths) ? deaths[0] : undefined;
  if (!isRecord(death) || typeof death.queue !== 'string') return undefined;
  const reason = typeof death.reason === 'string' ? death.reason : 'unknown';
  const code = own(brokerReasons, reason);
  return {
    queue: death.queue,
    code: code ?? shortText(reason.toUpperCase(), 100),
    reason: code ? textOf(code) : `RabbitMQ dead-lettered the message: ${reason}.`,
    at: readTime(death.time),
    fingerprint: JSON.stringify([reason, death.time ?? null, death.count ?? null]),
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/**
 * Reads the time in an `x-death` entry. AWS does not document the format of this time, so seconds, milliseconds and
 * dates are all accepted.
 */
function readTime(time: unknown): string | undefined {
  const ms =
    typeof time === 'number'
      ? time < 1e11
        ? time * 1_000
        : time
      : Date.parse(typeof time === 'string' ? `${time.replaceAll('\u202f', ' ')}${hasZone(time) ? '' : ' UTC'}` : '');
  return isoTime(ms);
}

const hasZone = (time: string) => /(Z|UTC|GMT|[+-]\d\d:?\d\d)$/.test(time);
