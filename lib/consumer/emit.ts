import { hash } from 'node:crypto';

import { unwritableParts, withoutParts } from '../rabbitmq/encode-message.ts';
import { readEnvelope } from '../events/envelope.ts';
import { eventMessage } from '../events/publish.ts';
import type { Message } from '../events/message.ts';
import { toDeadLetter } from '../dead-letters/dead-letter.ts';
import { isOfMessage, PublishError } from '../runtime/errors.ts';
import type { StoredEvent } from '../inbox/inbox.ts';
import { deriveId, type MessageId } from '../events/message-id.ts';
import type { Batch } from './batch.ts';
import { forgetOldest } from './memory.ts';
import { unfinished } from './outcome.ts';
import type { Work } from './work.ts';

/**
 * Publishes the follow-up events of what is committed. A crash before this is harmless: the message comes again, its
 * marker is found, and the events kept in it are published with the same ids. An event that the broker never takes goes to
 * the archive, where it is seen: its message is done already, and must not make its batch come back.
 */
export async function emitAll(works: readonly Work[], batch: Batch): Promise<void> {
  const { publisher, clock, appId, publishDeadlineMs, memory } = batch;
  const { confirmed } = memory;
  const pending = pendingOf(works, confirmed);
  if (pending.length === 0) return;
  const messages = pending.map(({ works: [{ delivery }], event }) =>
    eventMessage(event, event.data, {
      id: event.id,
      correlationId: delivery.properties.correlationId || delivery.properties.messageId!,
      key: event.shardKey,
      trace: delivery.envelope,
      appId,
      publishedAtMs: clock.now(),
    }),
  );
  const errors: unknown[] = await publisher.publishAll(messages, publishDeadlineMs());
  for (const [index, { works, event }] of pending.entries()) {
    const error = errors[index];
    const problem = error && (await rescue(messages[index]!, error, works[0], batch));
    if (problem) for (const work of works) work.outcome = unfinished(problem);
    else confirmed.add(event.id);
  }
  forgetOldest(confirmed);
}

/** Sends an event without what it has from its message, such as a correlation id, or archives it; the error where neither goes. */
async function rescue(message: Message, error: unknown, { delivery }: Work, batch: Batch): Promise<unknown> {
  if (!(error instanceof PublishError) || !isOfMessage(error)) return error;
  const { publisher, publishDeadlineMs, archiveLetter, clock, queue } = batch;
  const parts = unwritableParts(message).filter(({ name }) => name === 'correlationId' || name.startsWith('trace'));
  const [again] =
    parts.length > 0 ? await publisher.publishAll([withoutParts(message, parts)], publishDeadlineMs()) : [error];
  if (!again || !isOfMessage(again)) return again;
  const { body, properties } = message;
  const nowMs = clock.now();
  const origin = {
    id: deriveId('dead-letter', 'event', properties.messageId!),
    code: again.code,
    reason: `this event, which follows from the message ${delivery.id} of the queue ${queue.name}, cannot be published: ${again.message}`,
    deadLetteredAt: new Date(nowMs).toISOString(),
  };
  const event = {
    id: properties.messageId as MessageId,
    body,
    payloadHash: hash('sha256', body),
    properties,
    envelope: readEnvelope(properties.headers),
  };
  return archiveLetter(toDeadLetter(event, origin, nowMs), event).then(
    () => undefined,
    (refusal: unknown) => refusal,
  );
}

interface Pending {
  readonly event: StoredEvent;
  /** Copies of one message have the same events. */
  readonly works: [Work, ...Work[]];
}

function pendingOf(works: readonly Work[], confirmed: ReadonlySet<MessageId>): Pending[] {
  const pending = new Map<MessageId, Pending>();
  for (const work of works)
    for (const event of work.events ?? []) {
      if (confirmed.has(event.id)) continue;
      const known = pending.get(event.id);
      if (known) known.works.push(work);
      else pending.set(event.id, { event, works: [work] });
    }
  return [...pending.values()];
}
