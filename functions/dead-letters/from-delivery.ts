import { randomUUID } from 'node:crypto';

import { queues } from '../../infra/topology.ts';
import { queueOfShard } from '../../lib/broker/shards.ts';
import type { Delivery } from '../../lib/consume/delivery.ts';
import { deriveId } from '../../lib/message-id.ts';
import { readBrokerDeath } from './broker-death.ts';
import type { DeadLetter } from './dead-letter.ts';

/** Lengths in characters. */
const MAX_CODE_LENGTH = 100;
const MAX_REASON_LENGTH = 1_000;

/** What a delivery from the dead-letter queue tells of why it is there: the broker's word, else the consumer's note. */
export function deadLetterOf(delivery: Delivery, nowMs: number): DeadLetter {
  const { id: messageId, properties, envelope, payloadHash, body } = delivery;
  const now = new Date(nowMs).toISOString();
  return {
    ...originOf(delivery, now),
    messageId,
    type: properties.type,
    correlationId: properties.correlationId,
    attempt: envelope.attempt,
    redrives: envelope.redrives,
    publishedAt: isoTime(envelope.publishedAt) ?? isoTime(properties.timestamp && properties.timestamp * 1_000),
    archivedAt: now,
    traceparent: envelope.traceparent,
    status: 'open',
    timesRedriven: 0,
    history: [],
    payloadHash,
    bodyBytes: body.length,
  };
}

type Origin = Pick<DeadLetter, 'id' | 'queue' | 'shard' | 'code' | 'reason' | 'deadLetteredAt'>;

function originOf({ id: messageId, properties, envelope, payloadHash }: Delivery, now: string): Origin {
  // A copy that a consumer places carries no x-death of old, so one that is there came after any note.
  const death = readBrokerDeath(properties.headers);
  if (death) {
    const { queue, code, reason, at, mark } = death;
    // Without a message id nothing tells two equal messages apart: better one twice than two as one.
    const id = messageId
      ? deriveId('dead-letter', queue, messageId, payloadHash, mark, String(envelope.redrives))
      : randomUUID();
    return { id, ...placeOf(queue), code, reason, deadLetteredAt: at ?? now };
  }
  const { deadLetter: note } = envelope;
  if (note) {
    const { id, queue, code, reason, at } = note;
    return {
      id,
      ...placeOf(queue),
      code: code.slice(0, MAX_CODE_LENGTH),
      reason: reason.slice(0, MAX_REASON_LENGTH),
      deadLetteredAt: isoTime(at) ?? now,
    };
  }
  return {
    id: messageId ? deriveId('dead-letter', '', messageId, payloadHash, String(envelope.redrives)) : randomUUID(),
    code: 'UNKNOWN_ERROR',
    reason: 'The message carries no word of why it is here: neither the broker nor a consumer sent it.',
    deadLetteredAt: now,
  };
}

/** The queue by the name that people know, and its shard where it has another. */
function placeOf(shard: string): Pick<DeadLetter, 'queue' | 'shard'> {
  const queue = queueOfShard(Object.values(queues), shard)?.name ?? shard;
  return queue === shard ? { queue: shard || undefined } : { queue, shard };
}

function isoTime(time: string | number | undefined): string | undefined {
  const date = new Date(time ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
