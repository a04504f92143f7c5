import { isoTime, publishTimeOf } from '../events/publish-time.ts';
import { spanOf } from '../events/trace.ts';
import type { MessageFacts } from '../inbox/facts.ts';
import type { Batch } from './batch.ts';
import type { Delivery } from '../message/delivery.ts';

export function factsOf(delivery: Delivery, { startedAt }: Pick<Batch, 'startedAt'>): MessageFacts {
  const { properties, identity, envelope } = delivery;
  return {
    type: text(identity?.type ?? properties.type),
    correlationId: text(properties.correlationId),
    publishedAt: isoTime(publishTimeOf(delivery)),
    startedAt,
    traceId: spanOf(envelope.traceparent).traceId,
    redrives: envelope.redrives > 0 ? envelope.redrives : undefined,
    attempt: envelope.attempt > 1 ? envelope.attempt : undefined,
    failedAttempts: envelope.failedAttempts,
  };
}

const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
