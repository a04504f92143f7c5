import { eventMessage } from '../broker/envelope.ts';
import type { Batch } from './batch.ts';
import { unfinished } from './outcome.ts';
import type { Work } from './work.ts';

/** Events remembered as confirmed: a batch that keeps coming back, for a neighbour's sake, must not multiply them. */
const REMEMBERED = 10_000;

/**
 * Publishes the follow-up events of what is committed. A crash before this is harmless: the message comes again, its
 * marker is found, and the events kept in it are published with the same ids.
 */
export async function emitAll(
  works: readonly Work[],
  { publisher, clock, appId, publishDeadlineMs, memory: { confirmed } }: Batch,
): Promise<void> {
  const pending = works.flatMap((work) =>
    (work.events ?? []).filter(({ id }) => !confirmed.has(id)).map((event) => ({ work, event })),
  );
  if (pending.length === 0) return;
  const messages = pending.map(({ work: { delivery }, event }) =>
    eventMessage({
      event,
      data: event.data,
      key: event.shardKey,
      id: event.id,
      correlationId: delivery.properties.correlationId ?? delivery.properties.messageId!,
      appId,
      publishedAtMs: clock.now(),
      traceparent: delivery.envelope.traceparent,
      tracestate: delivery.envelope.tracestate,
    }),
  );
  const errors = await publisher.publishAll(messages, publishDeadlineMs());
  pending.forEach(({ work, event }, index) => {
    if (errors[index]) work.outcome = unfinished(errors[index]);
    else confirmed.add(event.id);
  });
  // The longest known go first: a set keeps the order of its making.
  for (const id of confirmed) {
    if (confirmed.size <= REMEMBERED) break;
    confirmed.delete(id);
  }
}
