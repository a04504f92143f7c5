import {
  context,
  createTraceState,
  propagation,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Link,
  type SpanContext,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';

import { parseTraceparent, writeTraceparent, type Trace } from '../events/trace.ts';
import { within } from '../runtime/timeout.ts';
import type { Span, SpanOptions, Tracing } from '../runtime/tracing.ts';

/** How long a Lambda handler waits at most for the export of its spans, in ms. */
const FLUSH_WITHIN_MS = 2_000;

const KINDS = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
} as const;

/**
 * Records spans with the OpenTelemetry SDK that is registered in this process. If no SDK is registered, no spans are
 * created.
 */
export function openTelemetry(): Tracing {
  return {
    start(options) {
      const tracer = registeredTracer();
      return tracer && startSpan(tracer, options);
    },
    async flush() {
      const { forceFlush } = (registeredProvider() ?? {}) as { forceFlush?: () => Promise<void> };
      if (!forceFlush) return;
      // A failed or late export must not fail the invocation. The SDK reports it through its own logger.
      await within(FLUSH_WITHIN_MS, forceFlush.call(registeredProvider())).catch(() => {});
    },
  };
}

function registeredProvider(): TracerProvider | undefined {
  const provider = trace.getTracerProvider();
  if (!(provider instanceof ProxyTracerProvider)) return provider;
  return provider.getDelegateTracer('surehop') && provider.getDelegate();
}

const registeredTracer = (): Tracer | undefined => registeredProvider()?.getTracer('surehop');

function startSpan(tracer: Tracer, { name, kind, parent, links = [], attributes }: SpanOptions): Span {
  const parentContext = parent ? contextOf(parent) : context.active();
  const span = tracer.startSpan(
    name,
    { kind: KINDS[kind], links: links.flatMap(linkTo), attributes: attributes as Record<string, string> },
    parentContext,
  );
  const spanContext = trace.setSpan(parentContext, span);
  let written: Trace | undefined;
  return {
    get trace() {
      return (written ??= traceOf(span.spanContext(), spanContext));
    },
    set: (added) => void span.setAttributes(added as Record<string, string>),
    fail(type, message) {
      span.setAttributes({ 'error.type': type });
      span.setStatus({ code: SpanStatusCode.ERROR, message });
    },
    end: () => span.end(),
    run: (work) => context.with(spanContext, work),
  };
}

function contextOf(parent: Partial<Trace>): Context {
  const { baggage } = parent;
  const base = baggage ? propagation.extract(ROOT_CONTEXT, { baggage }) : ROOT_CONTEXT;
  const remote = spanContextOf(parent);
  return remote ? trace.setSpanContext(base, remote) : base;
}

function spanContextOf({ traceparent, tracestate }: Partial<Trace>): SpanContext | undefined {
  const parsed = parseTraceparent(traceparent);
  return (
    parsed && {
      traceId: parsed.traceId,
      spanId: parsed.parentId,
      traceFlags: Number.parseInt(parsed.flags, 16),
      traceState: tracestate ? createTraceState(tracestate) : undefined,
      isRemote: true,
    }
  );
}

function linkTo(target: Partial<Trace> | undefined): Link[] {
  const spanContext = target && spanContextOf(target);
  return spanContext ? [{ context: spanContext }] : [];
}

function traceOf({ traceId, spanId, traceFlags, traceState }: SpanContext, spanContext: Context): Trace {
  const injected: { baggage?: string } = {};
  propagation.inject(spanContext, injected);
  return {
    traceparent: writeTraceparent({ traceId, parentId: spanId, flags: traceFlags.toString(16).padStart(2, '0') }),
    tracestate: traceState?.serialize() || undefined,
    baggage: injected.baggage,
  };
}
