import { expect, test } from '@jest/globals';

import type { Span } from '../../../infra/dev/traces/span.ts';
import { createTraceStore } from '../../../infra/dev/traces/trace-store.ts';
import { waterfall } from '../../../infra/dev/traces/waterfall.ts';

const span = (traceId: string, spanId: string, more: Partial<Span> = {}): Span => ({
  traceId,
  spanId,
  name: spanId,
  kind: 'internal',
  source: 'f',
  startUs: 1_000,
  endUs: 2_000,
  attributes: {},
  links: [],
  hasFailed: false,
  ...more,
});

test('searching for an id finds the traces with a span that has the id as an attribute, and all traces that are linked to these traces', () => {
  const store = createTraceStore();
  store.add([
    span('a', 'request', { attributes: { 'messaging.message.id': 'order-1' } }),
    span('b', 'batch', { links: [{ traceId: 'a', spanId: 'request' }], startUs: 3_000 }),
    span('c', 'follow-up', { links: [{ traceId: 'b', spanId: 'batch' }], startUs: 4_000 }),
    span('d', 'other', { attributes: { 'messaging.message.id': 'order-2' } }),
  ]);
  expect(store.find('order-1').map(({ spanId }) => spanId)).toEqual(['request', 'batch', 'follow-up']);
  expect(store.find('c').map(({ spanId }) => spanId)).toEqual(['request', 'batch', 'follow-up']);
  expect(store.find('unknown')).toEqual([]);
});

test('a search for a trace id returns the trace and the traces linked to it, at most 50 in total', () => {
  const store = createTraceStore();
  store.add([
    span('batch', 'b', { links: Array.from({ length: 80 }, (_, number) => ({ traceId: `t${number}`, spanId: 's' })) }),
  ]);
  for (let number = 0; number < 80; number += 1) store.add([span(`t${number}`, 's')]);
  expect(new Set(store.find('batch').map(({ traceId }) => traceId)).size).toBe(50);
});

test('the trace store keeps only the latest 5,000 traces, and only the first 1,000 spans of each trace', () => {
  const store = createTraceStore();
  for (let number = 0; number < 5_001; number += 1) store.add([span(`t${number}`, 's')]);
  store.add(Array.from({ length: 1_500 }, (_, number) => span('t5000', `s${number}`)));
  expect(store.find('t0')).toEqual([]);
  expect(store.find('t1')).toHaveLength(1);
  expect(store.find('t5000')).toHaveLength(1_000);
  expect(store.latest(2).map(({ traceId }) => traceId)).toEqual(['t5000', 't4999']);
});

test('a full trace store drops the traces of successful GET requests first, and its list of the latest traces never contains traces of successful GET requests', () => {
  const store = createTraceStore();
  const get = { kind: 'server', name: 'GET /status' } as const;
  store.add([span('order', 's'), span('failed', 's', { ...get, hasFailed: true })]);
  for (let number = 0; number < 5_000; number += 1) store.add([span(`t${number}`, 's', get)]);
  expect(store.find('order')).toHaveLength(1);
  expect(store.find('failed')).toHaveLength(1);
  expect(store.find('t1')).toEqual([]);
  expect(store.find('t4999')).toHaveLength(1);
  expect(store.latest(10).map(({ traceId }) => traceId)).toEqual(['failed', 'order']);
});

test('the waterfall places a span below its parent, or below the span that it links to, and marks failed spans', () => {
  const text = waterfall([
    span('a', 'request', { endUs: 11_000 }),
    span('a', 'send', { parentSpanId: 'request', startUs: 2_000, endUs: 3_000 }),
    span('b', 'process', {
      links: [{ traceId: 'a', spanId: 'send' }],
      startUs: 6_000,
      endUs: 8_000,
      hasFailed: true,
      failure: 'no loans',
      attributes: { 'surehop.outcome': 'retry' },
    }),
  ]);
  expect(text.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
    `request 0.0 ms ${'█'.repeat(40)} 10.0 ms f`.replace('10.0 ms', '10 ms'),
    ` send 1.0 ms ${'·'.repeat(4)}${'█'.repeat(4)}${'·'.repeat(32)} 1.0 ms f`,
    ` ✗ process 5.0 ms ${'·'.repeat(20)}${'█'.repeat(8)}${'·'.repeat(12)} 2.0 ms f outcome=retry (no loans)`,
  ]);
});
