import type { Delivery } from './delivery.ts';
import type { Result } from './message.ts';
import { outcomeTraits, type Outcome } from './outcome.ts';
import { describeError, isInstance } from '../runtime/errors.ts';
import { nameOf } from '../runtime/stack.ts';
import { runIn, type Span, type SpanAttributes, type Tracing } from '../runtime/tracing.ts';

/** The maximum number of links of one span. OpenTelemetry's SDK drops further links. */
const MAX_LINKS = 128;

/** The spans of one batch: a `receive` span for the batch, a `process` span for each message, and a `settle` span. */
export interface BatchTrace {
  readonly receive: Span['trace'];
  /** Returns the span of a message. The first call starts the span. */
  of(delivery: Delivery): Span;
  settle<T>(work: () => T): T;
  finish(results: readonly Result[]): void;
}

/**
 * Runs `work` in the span of a batch, or without a trace if no spans are recorded. The span of each message is linked
 * to the span that published the message.
 */
export async function withBatchTrace<T>(
  tracing: Tracing | undefined,
  queue: string,
  deliveries: readonly Delivery[],
  work: (trace: BatchTrace | undefined) => Promise<T>,
): Promise<T> {
  const trace = startBatchTrace(tracing, queue, deliveries);
  if (!trace) return work(undefined);
  try {
    const result = await trace.run(() => work(trace));
    trace.end();
    return result;
  } catch (error) {
    trace.end(error);
    throw error;
  } finally {
    await tracing?.flush();
  }
}

function startBatchTrace(tracing: Tracing | undefined, queue: string, deliveries: readonly Delivery[]) {
  const attributes = (operation: 'receive' | 'process' | 'settle'): SpanAttributes => ({
    'messaging.system': 'rabbitmq',
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
    'messaging.destination.name': queue,
  });
  const ofBatch = (operation: 'receive' | 'settle') => ({
    name: `${operation} ${queue}`,
    links: deliveries.slice(0, MAX_LINKS).map(({ envelope }) => envelope),
    attributes: { ...attributes(operation), 'messaging.batch.message_count': deliveries.length },
  });
  const receive = tracing?.start({ ...ofBatch('receive'), kind: 'consumer' });
  if (!tracing || !receive) return undefined;
  const [first] = deliveries;
  const isAlone = deliveries.length === 1;
  const spans = new Map<Delivery, Span>();
  const ended = new Set<Delivery>();
  let settle: Span | undefined;

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
  const end = (delivery: Delivery): void => {
    if (!ended.has(delivery)) of(delivery).end();
    ended.add(delivery);
  };
  // The settlement of a single message belongs to the trace of the message.
  const startSettle = (): Span =>
    (settle ??= tracing.start({
      ...ofBatch('settle'),
      kind: 'internal',
      parent: isAlone ? of(first!).trace : receive.trace,
    })!);

  return {
    receive: receive.trace,
    of,
    settle: <T>(work: () => T) => startSettle().run(work),
    run: <T>(work: () => T) => receive.run(work),
    finish(results: readonly Result[]) {
      for (const { delivery, outcome } of results) {
        const span = of(delivery);
        span.set({ 'surehop.outcome': outcome.is, 'surehop.code': codeOf(outcome) });
        if (hasFailed(outcome)) span.fail(outcome.code, outcome.message);
        end(delivery);
      }
    },
    end(error?: unknown) {
      const settlement = startSettle();
      settlement.set({ 'surehop.settlement': error === undefined ? 'acknowledge' : 'redeliver' });
      if (error !== undefined) settlement.fail(...failureOf(error));
      settlement.end();
      for (const delivery of spans.keys()) end(delivery);
      receive.end();
    },
  };
}

function failureOf(error: unknown): [type: string, message: string] {
  const { code, message } = describeError(error);
  return [code === 'UNKNOWN_ERROR' && isInstance(error, Error) ? nameOf(error) : code, message];
}

const codeOf = (outcome: Outcome) =>
  'code' in outcome ? outcome.code : outcome.is === 'rejected' ? outcome.reason : undefined;

const hasFailed = (outcome: Outcome): outcome is Extract<Outcome, { code: string }> =>
  'code' in outcome && outcomeTraits[outcome.is].isFailure;

export const runInMessageSpan = <T>(trace: BatchTrace | undefined, delivery: Delivery, work: () => T): T =>
  runIn(trace?.of(delivery), work);

export const runInSettleSpan = <T>(trace: BatchTrace | undefined, work: () => T): T =>
  trace ? trace.settle(work) : work();
