import { eventMessage } from '../broker/envelope.ts';
import type { StoredEvent } from '../inbox/inbox.ts';
import type { MessageId } from '../message-id.ts';
import type { Batch } from './batch.ts';
import { forgetOldest } from './memory.ts';
import { unfinished } from './outcome.ts';
import type { Work } from './work.ts';

/**
 * Publishes the follow-up events of what is committed. A crash before this is harmless: the message comes again, its
 * marker is found, and the events kept in it are published with the same ids.
 */
export async function emitAll(
  works: readonly Work[],
  { publisher, clock, appId, publishDeadlineMs, memory: { confirmed } }: Batch,
): Promise<void> {
  const pending = pendingOf(works, confirmed);
  if (pending.length === 0) return;
  const messages = pending.map(({ works: [{ delivery }], event }) =>
    eventMessage({
      event,
      data: event.data,
      key: event.shardKey,
      id: event.id,
      correlationId: delivery.properties.correlationId || delivery.properties.messageId!,
      appId,
      publishedAtMs: clock.now(),
      traceparent: delivery.envelope.traceparent,
      tracestate: delivery.envelope.tracestate,
    }),
  );
  const errors = await publisher.publishAll(messages, publishDeadlineMs());
  pending.forEach(({ works, event }, index) => {
    const error = errors[index];
    if (!error) confirmed.add(event.id);
    else for (const work of works) work.outcome = unfinished(error);
  });
  forgetOldest(confirmed);
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
