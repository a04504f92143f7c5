import { runIn, type Span, type SpanAttributes, type Tracing } from '../runtime/tracing.ts';
import type { Batch } from './batch.ts';
import type { Delivery } from './delivery.ts';
import type { Result } from './message.ts';
import type { Outcome } from './outcome.ts';

/** The largest number of links of one span. OpenTelemetry's SDK drops further links. */
const MAX_LINKS = 128;

/** The spans of one batch: a `receive` span for the batch, and a `process` span for each message. */
export interface BatchTrace {
  /** Returns the span of a message. The first call starts the span. */
  of(delivery: Delivery): Span;
  /** Runs `work` with the span of the batch as the active span. */
  run<T>(work: () => T): T;
  /** Ends the span of each message with the outcome of the message. */
  settle(results: readonly Result[]): void;
  /** Ends the span of the batch, and the spans of messages that have no outcome because the invocation failed. */
  end(): void;
}

/**
 * Starts the span of a batch. Returns `undefined` if no spans are recorded. The span of each message in the batch is
 * linked to the span that published the message, and to the span that published this copy of the message. If the
 * message is alone in its batch, its span is a child of the span that published the message.
 */
export function startBatchTrace(
  tracing: Tracing | undefined,
  queue: string,
  deliveries: readonly Delivery[],
): BatchTrace | undefined {
  const attributes = (operation: 'receive' | 'process'): SpanAttributes => ({
    'messaging.system': 'rabbitmq',
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
    'messaging.destination.name': queue,
  });
  const receive = tracing?.start({
    name: `receive ${queue}`,
    kind: 'consumer',
    links: deliveries.slice(0, MAX_LINKS).map(({ envelope }) => envelope),
    attributes: { ...attributes('receive'), 'messaging.batch.message_count': deliveries.length },
  });
  if (!tracing || !receive) return undefined;
  const isAlone = deliveries.length === 1;
  const spans = new Map<Delivery, Span>();

  function startSpan({ envelope, id, properties, body }: Delivery): Span {
    const isChild = isAlone && envelope.traceparent !== undefined;
    const copy = { traceparent: envelope.previousSpan };
    return tracing!.start({
      name: `process ${queue}`,
      kind: 'consumer',
      parent: isChild ? envelope : { ...receive!.trace, baggage: envelope.baggage },
      links: isChild ? [receive!.trace, copy] : [envelope, copy],
      attributes: {
        ...attributes('process'),
        'messaging.message.id': id,
        'messaging.message.conversation_id': properties.correlationId,
        'messaging.message.body.size': body.length,
        'surehop.attempt': envelope.attempt,
      },
    })!;
  }

  const of = (delivery: Delivery): Span => {
    const span = spans.get(delivery) ?? startSpan(delivery);
    spans.set(delivery, span);
    return span;
  };
  return {
    of,
    run: (work) => receive.run(work),
    settle(results) {
      for (const { delivery, outcome } of results) {
        const span = of(delivery);
        span.set({ 'surehop.outcome': outcome.is, 'surehop.code': codeOf(outcome) });
        if (hasFailed(outcome)) span.fail(outcome.code, outcome.message);
        span.end();
        spans.delete(delivery);
      }
    },
    end() {
      for (const span of spans.values()) span.end();
      receive.end();
    },
  };
}

const codeOf = (outcome: Outcome) =>
  'code' in outcome ? outcome.code : outcome.is === 'rejected' ? outcome.reason : undefined;

const hasFailed = (outcome: Outcome): outcome is Extract<Outcome, { code: string }> =>
  'code' in outcome && outcome.is !== 'postponed';

/** Runs `work` in the span of a batch. Without tracing, `work` gets the batch unchanged. */
export async function inBatchSpan<T>(
  batch: Batch,
  deliveries: readonly Delivery[],
  work: (batch: Batch) => Promise<T>,
): Promise<T> {
  const { tracing, queue } = batch;
  const trace = startBatchTrace(tracing, queue.name, deliveries);
  if (!trace) return work(batch);
  try {
    return await trace.run(() => work({ ...batch, trace }));
  } finally {
    trace.end();
    await tracing?.flush();
  }
}

/** Runs `work` with the span of a message as the active span. */
export const runInMessageSpan = <T>(trace: BatchTrace | undefined, delivery: Delivery, work: () => T): T =>
  runIn(trace?.of(delivery), work);
