import { eventMessage } from '../broker/envelope.ts';
import type { Batch } from './batch.ts';
import { unfinished } from './outcome.ts';
import type { Work } from './work.ts';

/**
 * Publishes the follow-up events of what is committed. A crash before this is harmless: the message comes again, its
 * marker is found, and the events kept in it are published with the same ids.
 */
export async function emitAll(
  works: readonly Work[],
  { publisher, clock, appId, publishDeadlineMs }: Batch,
): Promise<void> {
  const pending = works.flatMap((work) => (work.events ?? []).map((event) => ({ work, event })));
  if (pending.length === 0) return;
  const messages = pending.map(({ work: { delivery }, event }) =>
    eventMessage({
      event,
      data: event.data,
      id: event.id,
      correlationId: delivery.properties.correlationId ?? delivery.properties.messageId!,
      appId,
      publishedAtMs: clock.now(),
      traceparent: delivery.envelope.traceparent,
      tracestate: delivery.envelope.tracestate,
    }),
  );
  const errors = await publisher.publishAll(messages, publishDeadlineMs());
  pending.forEach(({ work }, index) => {
    if (errors[index]) work.outcome = unfinished(errors[index]);
  });
}
