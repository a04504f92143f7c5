import { context, propagation, ProxyTracer, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { afterEach, describe, expect, jest, test } from '@jest/globals';

import { startSending } from '../../../lib/events/sending.ts';
import type { Message } from '../../../lib/events/message.ts';
import { open } from '../../../lib/http/auth/access.ts';
import { endpoint } from '../../../lib/http/endpoint.ts';
import { Problem } from '../../../lib/http/problem.ts';
import { createSurehop } from '../../../lib/runtime/surehop.ts';
import { openTelemetry } from '../../../lib/tracing/opentelemetry.ts';
import { aRequest } from '../../support/request.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const traceparent = `00-${TRACE}-${PARENT}-01`;

const message: Message = {
  exchange: 'orders',
  routingKey: 'order.created',
  body: Buffer.from('{}'),
  properties: { messageId: 'm-1', headers: { traceparent, other: 1 } },
};

afterEach(() => {
  trace.disable();
  context.disable();
  propagation.disable();
});

function registerSdk() {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register();
  return { exporter, provider };
}

describe('without an OpenTelemetry SDK', () => {
  test('without an OpenTelemetry SDK, no span is created and a message is published unchanged', async () => {
    const startSpan = jest.spyOn(ProxyTracer.prototype, 'startSpan');
    const tracing = openTelemetry();
    expect(tracing.start({ name: 'send orders', kind: 'producer' })).toBeUndefined();
    expect(startSending(tracing, message, {}).message).toBe(message);
    expect(startSending(undefined, message, {}).message).toBe(message);
    await tracing.flush();
    expect(startSpan).not.toHaveBeenCalled();
  });
});

describe('with an OpenTelemetry SDK', () => {
  test('a new span joins the trace of its parent span, and is the parent of the spans that are started while it is active', async () => {
    const { exporter } = registerSdk();
    const tracing = openTelemetry();
    const outer = tracing.start({ name: 'outer', kind: 'server', parent: { traceparent, tracestate: 'vendor=1' } })!;
    await outer.run(async () => {
      await Promise.resolve();
      tracing.start({ name: 'inner', kind: 'client', links: [{ traceparent }, undefined, {}] })!.end();
    });
    outer.fail('BROKER_UNAVAILABLE', 'the broker cannot be reached');
    outer.end();

    const [inner, ended] = exporter.getFinishedSpans();
    expect(ended!.spanContext().traceId).toBe(TRACE);
    expect(ended!.parentSpanContext?.spanId).toBe(PARENT);
    expect(ended!.attributes).toEqual({ 'error.type': 'BROKER_UNAVAILABLE' });
    expect(ended!.status).toMatchObject({ code: 2, message: 'the broker cannot be reached' });
    expect(inner!.parentSpanContext?.spanId).toBe(ended!.spanContext().spanId);
    expect(inner!.links.map(({ context: { spanId } }) => spanId)).toEqual([PARENT]);
    expect(outer.trace).toEqual({
      traceparent: `00-${TRACE}-${ended!.spanContext().spanId}-01`,
      tracestate: 'vendor=1',
      baggage: undefined,
    });
  });

  test('code that runs inside a span can read the baggage of the span through the OpenTelemetry API, and the trace context of the span contains the baggage', () => {
    registerSdk();
    const span = openTelemetry().start({ name: 'x', kind: 'server', parent: { baggage: 'tenant=blue' } })!;
    expect(span.run(() => propagation.getActiveBaggage()?.getEntry('tenant')?.value)).toBe('blue');
    expect(span.trace.baggage).toBe('tenant=blue');
  });

  test('the traceparent of a new message names the span of its publish, and a copy keeps the traceparent of the original', () => {
    const { exporter } = registerSdk();
    const tracing = openTelemetry();
    const created = startSending(tracing, message, { parent: { traceparent } });
    const copy = startSending(tracing, message, { parent: { traceparent }, isCopy: true });
    created.end();
    copy.end(Object.assign(new Error('the queue is full'), { code: 'REFUSED' }));

    const [first, second] = exporter.getFinishedSpans().map((span) => span.spanContext().spanId);
    expect(created.message.properties.headers).toEqual({ traceparent: `00-${TRACE}-${first}-01`, other: 1 });
    expect(copy.message.properties.headers).toEqual({
      traceparent,
      other: 1,
      'surehop-previous-span': `00-${TRACE}-${second}-01`,
    });
    expect(exporter.getFinishedSpans()[1]!.attributes).toMatchObject({ 'error.type': 'REFUSED' });
  });

  test('when an HTTP request fails, the error type of its span is the name of the problem in the HTTP response', async () => {
    const { exporter } = registerSdk();
    const surehop = createSurehop({ environment: { LOG_LEVEL: 'ERROR' }, tracing: openTelemetry() });
    const handler = endpoint(surehop, { access: open }, () => {
      throw new Problem('broker-unavailable', 'the broker cannot be reached');
    });
    await handler(aRequest({ headers: { traceparent } }));
    const [span] = exporter.getFinishedSpans();
    expect(span!.spanContext().traceId).toBe(TRACE);
    expect(span!.attributes).toMatchObject({
      'http.response.status_code': 503,
      'error.type': 'broker-unavailable',
    });
  });

  test('flush waits until the OpenTelemetry SDK has exported all spans', async () => {
    const { provider } = registerSdk();
    const forceFlush = jest.spyOn(provider, 'forceFlush');
    await openTelemetry().flush();
    expect(forceFlush).toHaveBeenCalledTimes(1);
  });
});
