import { hash } from 'node:crypto';

import { toDeadLetter, type ArchivedMessage } from '../archive/dead-letter.ts';
import { storeDeadLetter } from '../archive/store-dead-letter.ts';
import { readEnvelope } from '../events/envelope.ts';
import { deriveId, type MessageId } from '../events/message-id.ts';
import { publishCopies } from '../events/publish-copies.ts';
import { addressOfShard, queueOfShard } from '../rabbitmq/topology/shards.ts';
import { describeError, isOfMessage, PublishError } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';
import { errorFields } from '../runtime/stack.ts';
import { listPending, readEdited, recordFailure, recordPublished, type EditedMessage } from './edited-message.ts';
import type { Redriving } from './redrive.ts';

/**
 * How old a pending edited message must be, in ms, before the scheduled function publishes it. A younger message is
 * still being published by the request that stored it.
 */
const PATIENCE_MS = 10_000;

/** The scheduled function stops publishing edited messages when its invocation has less than this time left, in ms. */
const RESERVE_MS = 10_000;

/** Returns the exchange and routing key with which an edited message is published to its work queue. */
export function addressOfEdited({ queue: name, shard }: Pick<EditedMessage, 'queue' | 'shard'>, { queues }: Redriving) {
  const queue = queueOfShard(queues, name);
  if (!queue) throw notAWorkQueue(name);
  if (shard === undefined && queue.ring) return { exchange: queue.ring.exchange, routingKey: name };
  return addressOfShard(queue, shard ?? name);
}

/**
 * Publishes a stored edited message. If the broker can never accept the message, stores it in the archive as a dead
 * letter instead. Returns the error if a later attempt may succeed.
 */
export async function publishEdited(
  redriving: Redriving,
  edited: EditedMessage,
  message: ArchivedMessage,
): Promise<Error | undefined> {
  const { table, publisher, clock, tracing } = redriving;
  const { messageId, deadLetterId, queue } = edited;
  const about = { deadLetterId, messageId, queue };
  const error = await publish();
  if (error && !isOfMessage(error)) {
    const { code, message: text } = describeError(error);
    log().warn('publishing an edited message failed; the service tries again later', {
      ...about,
      ...errorFields(error),
    });
    await recordFailure(table, edited, `${code}: ${text}`);
    return error;
  }
  if (error) await archiveRefused(redriving, edited, message, error);
  await recordPublished(table, edited, error ? 'dead-lettered' : 'published', message, clock.now());
  log().info(error ? 'edited message dead-lettered' : 'edited message published', about);
  return undefined;

  async function publish(): Promise<PublishError | undefined> {
    // The service may have stopped using the queue after the edit.
    if (!queueOfShard(redriving.queues, queue)) return notAWorkQueue(queue);
    const copy = { ...addressOfEdited(edited, redriving), body: message.body, properties: message.properties };
    const [error] = await publishCopies({ publisher: publisher(), tracing }, [{ copy }]);
    return error;
  }
}

const notAWorkQueue = (queue: string) =>
  new PublishError('UNROUTABLE', `the queue "${queue}" is not a work queue of this service`);

/** Stores an edited message in the archive as a dead letter, because the broker refuses the message. */
async function archiveRefused(
  { table, clock }: Redriving,
  { messageId, deadLetterId, queue, shard }: EditedMessage,
  { body, properties }: ArchivedMessage,
  { code, message }: PublishError,
): Promise<void> {
  const nowMs = clock.now();
  const origin = {
    id: deriveId('dead-letter', 'edit', messageId),
    queue,
    shard: shard === queue ? undefined : shard,
    code,
    reason: `this message, which replaces the dead letter ${deadLetterId}, cannot be published: ${message}`,
    deadLetteredAt: new Date(nowMs).toISOString(),
  };
  const envelope = readEnvelope(properties.headers);
  const failed = { id: messageId, body, properties, envelope, identity: envelope.identity };
  await storeDeadLetter(
    toDeadLetter({ ...failed, payloadHash: hash('sha256', body) }, origin, nowMs),
    { body, properties },
    table,
  );
}

/**
 * Publishes the edited messages that are stored but not published, for example because a process crashed. Returns how
 * many edited messages could not be published.
 */
export async function publishPending(redriving: Redriving, remainingMs: () => number): Promise<number> {
  const { table, clock } = redriving;
  let pending = 0;
  const before = new Date(clock.now() - PATIENCE_MS).toISOString();
  for await (const messageId of listPending(table, before)) {
    if (remainingMs() < RESERVE_MS) break;
    // Publishing a message twice is harmless, because both copies have the same id.
    const error = await publishIfPending(redriving, messageId);
    if (error) pending += 1;
    // While the broker is unavailable, the other messages would fail too.
    if (error && describeError(error).code === 'BROKER_UNAVAILABLE') break;
  }
  return pending;
}

/**
 * Publishes one edited message if it is not published yet. Returns an error instead of throwing it, because one failure
 * must not stop the other messages.
 */
async function publishIfPending(redriving: Redriving, messageId: MessageId): Promise<Error | undefined> {
  try {
    const stored = await readEdited(redriving.table, messageId);
    if (stored?.edited.status !== 'pending') return undefined;
    return await publishEdited(redriving, stored.edited, stored.message);
  } catch (error) {
    log().error('publishing an edited message failed; the service tries again later', {
      messageId,
      ...errorFields(error),
    });
    return error as Error;
  }
}
