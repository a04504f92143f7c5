import { hash } from 'node:crypto';

import { toDeadLetter } from '../archive/dead-letter.ts';
import { readEnvelope } from '../events/envelope.ts';
import { deriveId, type MessageId } from '../events/message-id.ts';
import type { Message } from '../events/message.ts';
import { eventMessage } from '../events/publish.ts';
import { startSending } from '../events/sending.ts';
import type { StoredEvent } from '../inbox/inbox.ts';
import { unwritableParts } from '../rabbitmq/encode-message.ts';
import { withoutParts } from '../rabbitmq/unwritable.ts';
import { isOfMessage, PublishError } from '../runtime/errors.ts';
import { forgetOldest } from '../runtime/forget-oldest.ts';
import { log } from '../runtime/log.ts';
import { recordMetrics } from '../runtime/metrics.ts';
import type { Batch } from './batch.ts';
import { toResult, type Result } from '../message/message.ts';
import { postponed, unfinished, type Outcome } from '../message/outcome.ts';

/**
 * Publishes the follow-up events of the messages whose effects are committed. A follow-up event that the broker can
 * never accept is stored in the archive. `whenFailed` returns the outcome of a message whose follow-up event was not
 * published.
 */
export async function publishFollowUps(
  results: readonly Result[],
  batch: Batch,
  whenFailed: (error: unknown) => Outcome = unfinished,
): Promise<Result[]> {
  const { publisher, clock, appId, publishDeadlineMs, memory, tracing, trace } = batch;
  const { confirmed } = memory;
  const pending = pendingOf(results, confirmed);
  if (pending.length === 0) return [...results];
  const sendings = pending.map(({ sources: [{ delivery }], event }) => {
    const message = eventMessage(event, event.data, {
      id: event.id,
      correlationId: delivery.properties.correlationId || delivery.id,
      key: event.shardKey,
      trace: delivery.envelope,
      appId,
      publishedAtMs: clock.now(),
    });
    return startSending(tracing, message, { parent: trace?.of(delivery).trace });
  });
  const messages = sendings.map(({ message }) => message);
  // If the process dies here, the redelivered messages publish their follow-up events with the same ids.
  const errors: unknown[] = await publisher.publishAll(messages, publishDeadlineMs);
  for (const [index, sending] of sendings.entries()) sending.end(errors[index]);
  const failed = new Map<Result, unknown>();
  const unroutable: Pending[] = [];
  for (const [index, one] of pending.entries()) {
    const { sources, event } = one;
    const error = errors[index] && (await rescue(messages[index]!, errors[index], sources[0], batch));
    if (isUnroutable(error)) unroutable.push(one);
    if (!error) confirmed.add(event.id);
    // A message with an event that cannot be published for any other reason is redelivered with its batch.
    else for (const source of sources) if (!isUnroutable(error) || !failed.has(source)) failed.set(source, error);
  }
  reportUnroutable(unroutable, batch);
  forgetOldest(confirmed);
  return results.map((result) => (failed.has(result) ? toResult(result, whenFailed(failed.get(result))) : result));
}

/**
 * Publishes the follow-up events of the messages whose effects are committed. If no queue receives a follow-up event,
 * only the message with this event is postponed, so that the other messages of the batch do not wait until the topology
 * is corrected.
 */
export function publishOrPostpone(results: readonly Result[], batch: Batch): Promise<Result[]> {
  const { queue } = batch;
  return publishFollowUps(results, batch, (error) =>
    isUnroutable(error) && queue.delays.length > 0
      ? { ...postponed('UNROUTABLE', queue, Infinity), message: error.message }
      : unfinished(error),
  );
}

const isUnroutable = (error: unknown): error is PublishError =>
  error instanceof PublishError && error.code === 'UNROUTABLE';

const MAX_LOGGED_IDS = 20;

/** Counts the follow-up events that no queue receives, and logs each pair of exchange and routing key once. */
function reportUnroutable(unroutable: readonly Pending[], { queue }: Batch): void {
  if (unroutable.length > 0) recordMetrics({ EventsUnroutable: unroutable.length });
  const byDestination = new Map<string, Pending[]>();
  for (const one of unroutable) {
    const destination = JSON.stringify([one.event.exchange, one.event.type]);
    const known = byDestination.get(destination);
    if (known) known.push(one);
    else byDestination.set(destination, [one]);
  }
  for (const same of byDestination.values()) {
    const { exchange, type } = same[0]!.event;
    log().error('no queue receives a follow-up event', {
      queue: queue.name,
      reason: 'UNROUTABLE',
      event: type,
      exchange,
      routingKey: type,
      failed: same.length,
      messageIds: same.slice(0, MAX_LOGGED_IDS).map(({ sources: [{ delivery }] }) => delivery.id),
    });
  }
}

/**
 * Publishes a follow-up event again without the properties that AMQP cannot encode, or stores it in the archive.
 * Returns the error if neither succeeds.
 */
async function rescue(message: Message, error: unknown, { delivery }: Result, batch: Batch): Promise<unknown> {
  if (!(error instanceof PublishError) || !isOfMessage(error)) return error;
  const { publisher, publishDeadlineMs, archiveDeadLetter, clock, queue } = batch;
  const parts = unwritableParts(message).filter(({ name }) => name === 'correlationId' || name.startsWith('trace'));
  const [refusal] =
    parts.length > 0 ? await publisher.publishAll([withoutParts(message, parts)], publishDeadlineMs) : [error];
  if (!refusal || !isOfMessage(refusal)) return refusal;
  const { body, properties } = message;
  const nowMs = clock.now();
  const origin = {
    id: deriveId('dead-letter', 'event', properties.messageId!),
    code: refusal.code,
    reason: `this event, which follows from the message ${delivery.id} of the queue ${queue.name}, cannot be published: ${refusal.message}`,
    deadLetteredAt: new Date(nowMs).toISOString(),
  };
  const event = {
    id: properties.messageId as MessageId,
    body,
    payloadHash: hash('sha256', body),
    properties,
    envelope: readEnvelope(properties.headers),
  };
  return archiveDeadLetter(toDeadLetter(event, origin, nowMs), event).then(
    () => undefined,
    (failure: unknown) => failure,
  );
}

interface Pending {
  readonly event: StoredEvent;
  readonly sources: [Result, ...Result[]];
}

function pendingOf(results: readonly Result[], confirmed: ReadonlySet<MessageId>): Pending[] {
  const pending = new Map<MessageId, Pending>();
  for (const result of results)
    for (const event of 'events' in result.outcome ? result.outcome.events : []) {
      if (confirmed.has(event.id)) continue;
      const known = pending.get(event.id);
      if (known) known.sources.push(result);
      else pending.set(event.id, { event, sources: [result] });
    }
  return [...pending.values()];
}
