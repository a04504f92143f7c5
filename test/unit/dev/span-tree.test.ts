import { expect, test } from '@jest/globals';

import type { Span } from '../../../infra/dev/traces/span.ts';
import { spansOf, spanTree } from '../../../infra/dev/traces/span-tree.ts';

let nowUs = 0;

const aSpan = (name: string, { links = [], ...more }: Partial<Omit<Span, 'links'>> & { links?: string[] }): Span => ({
  traceId: 'order',
  spanId: name,
  name,
  kind: 'internal',
  source: 'function',
  startUs: (nowUs += 10),
  endUs: nowUs + 5,
  attributes: {},
  hasFailed: false,
  ...more,
  links: links.map((spanId) => ({ traceId: 'any', spanId })),
});

const receive = { 'messaging.operation.type': 'receive' };

/** The spans of two requests that each send a message. A consumer processes both in one batch and retries the first. */
const spans = [
  aSpan('POST /orders', {}),
  aSpan('send orders', { parentSpanId: 'POST /orders' }),
  aSpan('POST /other', { traceId: 'other' }),
  aSpan('send other', { traceId: 'other', parentSpanId: 'POST /other' }),
  aSpan('receive', { traceId: 'batch', attributes: receive, links: ['send orders', 'send other'] }),
  aSpan('process order', { traceId: 'batch', parentSpanId: 'receive', links: ['send orders'] }),
  aSpan('process other', { traceId: 'batch', parentSpanId: 'receive', links: ['send other'] }),
  aSpan('send retry', { traceId: 'batch', parentSpanId: 'process order', attributes: { id: 'message-1' } }),
  aSpan('receive retry', { traceId: 'batch 2', attributes: receive, links: ['send retry'] }),
  aSpan('process retry', { traceId: 'batch 2', parentSpanId: 'receive retry', links: ['send retry'] }),
];

test('the trace of one message does not contain the spans of the other messages in its batch', () => {
  expect(spansOf('order', spans).map(({ name }) => name)).toEqual([
    'POST /orders',
    'send orders',
    'receive',
    'process order',
    'send retry',
    'receive retry',
    'process retry',
  ]);
});

test('a search for the id of a retry copy finds the spans of the batch that sent the copy and of the batch that processed the copy', () => {
  expect(spansOf('message-1', spans).map(({ name }) => name)).toEqual([
    'receive',
    'process order',
    'send retry',
    'receive retry',
    'process retry',
  ]);
});

test('each span is listed after its parent, or after the span to which it links', () => {
  const tree = spanTree(spansOf('order', spans)).map(({ span: { name }, depth }) => `${depth} ${name}`);
  expect(tree).toEqual([
    '0 POST /orders',
    '1 send orders',
    '2 receive',
    '3 process order',
    '4 send retry',
    '5 receive retry',
    '6 process retry',
  ]);
});
