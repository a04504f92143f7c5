import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { expect, test } from '@jest/globals';

import type { Delivery } from '../../../lib/message/delivery.ts';
import { toResult } from '../../../lib/message/message.ts';
import { BatchUnfinishedError, reportOf } from '../../../lib/consumer/report.ts';
import { runInMessageSpan, runInSettleSpan, withBatchTrace } from '../../../lib/message/trace.ts';
import { openTelemetry } from '../../../lib/tracing/opentelemetry.ts';
import { aDelivery } from '../../support/delivery.ts';
import { queues } from '../../support/example/topology.ts';
import { recordSpans } from '../../support/recorded-spans.ts';

const CREATION = '00f067aa0ba902b7';
const traceId = (n: number) => String(n).padStart(32, 'a');
const delivered = (n: number) =>
  aDelivery({ id: `m-${n}`, headers: { traceparent: `00-${traceId(n)}-${CREATION}-01` } });

const spans = recordSpans();

const spansNamed = (name: string) => spans().filter((span) => span.name === name);
const isChildOf = (span: ReadableSpan, parent: ReadableSpan) =>
  span.parentSpanContext?.spanId === parent.spanContext().spanId;

const processBatch = (deliveries: readonly Delivery[], work: () => Promise<void> = async () => {}) =>
  withBatchTrace(openTelemetry(), 'loans', deliveries, async (batch) => {
    for (const delivery of deliveries) await runInMessageSpan(batch, delivery, async () => {});
    await runInSettleSpan(batch, async () => openTelemetry().start({ name: 'inside', kind: 'client' })!.end());
    batch!.finish(deliveries.map((delivery) => toResult({ delivery }, { is: 'completed', events: [] })));
    await work();
  });

test('the settle span of a batch with several messages is a child of the receive span and linked to the spans that published the messages', async () => {
  await processBatch([delivered(1), delivered(2)]);
  const [settle] = spansNamed('settle loans');
  expect(settle!.attributes).toEqual({
    'messaging.system': 'rabbitmq',
    'messaging.operation.name': 'settle',
    'messaging.operation.type': 'settle',
    'messaging.destination.name': 'loans',
    'messaging.batch.message_count': 2,
    'surehop.settlement': 'acknowledge',
  });
  expect(settle!.kind).toBe(0);
  expect(isChildOf(settle!, spansNamed('receive loans')[0]!)).toBe(true);
  expect(settle!.links.map(({ context: link }) => link.traceId)).toEqual([traceId(1), traceId(2)]);
  expect(isChildOf(spansNamed('inside')[0]!, settle!)).toBe(true);
  expect(spans()).toHaveLength(5);
});

test('if a batch contains one message, the span "settle" of the batch belongs to the trace of this message', async () => {
  await processBatch([delivered(1)]);
  const [settle] = spansNamed('settle loans');
  expect(settle!.spanContext().traceId).toBe(traceId(1));
  expect(isChildOf(settle!, spansNamed('process loans')[0]!)).toBe(true);
});

test('if the invocation fails, the settle span records the error and that the batch will be redelivered', async () => {
  const report = reportOf(queues.loans, [
    toResult({ delivery: delivered(1) }, { is: 'unfinished', code: 'STORE_UNAVAILABLE', message: 'no answer' }),
  ]);
  const failing = processBatch([delivered(1), delivered(2)], () => Promise.reject(new BatchUnfinishedError(report)));
  await expect(failing).rejects.toThrow(BatchUnfinishedError);
  const [settle] = spansNamed('settle loans');
  expect(settle!.attributes).toMatchObject({
    'surehop.settlement': 'redeliver',
    'error.type': 'BatchUnfinishedError',
  });
  expect(settle!.status).toMatchObject({ code: 2, message: expect.stringContaining('STORE_UNAVAILABLE') });
});

test('if an invocation fails before the messages have outcomes, every span of the batch still ends', async () => {
  const failing = withBatchTrace(openTelemetry(), 'loans', [delivered(1)], async (batch) => {
    await runInMessageSpan(batch, delivered(1), () => Promise.reject(new Error('broken')));
  });
  await expect(failing).rejects.toThrow('broken');
  expect(spansNamed('settle loans')).toMatchObject([{ attributes: { 'surehop.settlement': 'redeliver' } }]);
  expect(spansNamed('receive loans')).toHaveLength(1);
});
