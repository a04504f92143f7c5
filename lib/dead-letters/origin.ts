import { randomUUID } from 'node:crypto';

import { queues } from '../../infra/topology.ts';
import { queueOfShard } from '../rabbitmq/topology/shards.ts';
import type { Delivery } from '../consumer/delivery.ts';
import { deriveId } from '../events/message-id.ts';
import { readBrokerDeath } from './broker-death.ts';
import type { DeadLetter } from './dead-letter.ts';
import { isoTime, toDeadLetter, type Origin } from './dead-letter.ts';

/** What a delivery from the dead-letter queue tells of why it is there: the broker's word, else the consumer's note. */
export const deadLetterOf = (delivery: Delivery, nowMs: number): DeadLetter =>
  toDeadLetter(delivery, originOf(delivery, new Date(nowMs).toISOString()), nowMs);

const ARCHIVE_ID = /^[\w-]{1,100}$/;

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
    const { id, queue, code, reason, frames, at } = note;
    return {
      // The id is a key of the archive; a message of somebody else may carry anything under this name.
      id: ARCHIVE_ID.test(id) ? id : deriveId('dead-letter', id),
      ...placeOf(queue),
      code,
      frames: frames?.join('\n'),
      reason: envelope.leftOut ? `${reason.slice(0, 500)}; left out: ${envelope.leftOut}` : reason,
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
