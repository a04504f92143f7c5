import { expect, test } from '@jest/globals';

import { createCollector } from '../../../infra/dev/metrics/collector.ts';
import { eventSourceMetrics } from '../../../infra/dev/metrics/event-source.ts';
import { toolkitMetrics } from '../../../lib/runtime/toolkit-metrics.ts';

const source = { service: 'shop', stage: 'local' };

function embedded(
  values: Readonly<Record<string, number | number[]>>,
  dimensions: Readonly<Record<string, string>>,
  more: Readonly<Record<string, string>> = {},
): string {
  const all = { ...source, ...dimensions };
  const Metrics = Object.keys(values).map((Name) => ({ Name, Unit: 'Count' }));
  const CloudWatchMetrics = [{ Namespace: 'Surehop', Dimensions: [Object.keys(all)], Metrics }];
  return JSON.stringify({ _aws: { Timestamp: 1, CloudWatchMetrics }, ...all, ...values, ...more });
}

test('the collector adds up counters, and converts durations to histograms in seconds', async () => {
  const { observe, text } = createCollector(toolkitMetrics, { source });
  observe(embedded({ Completed: 2, TimeToOutcome: [100, 3_000] }, { queue: 'loans' }));
  observe(embedded({ Completed: 3 }, { queue: 'loans' }));
  const lines = (await text()).split('\n');
  const labels = 'service="shop",stage="local",queue="loans"';
  expect(lines).toContain(`surehop_completed_total{${labels}} 5`);
  expect(lines).toContain(`surehop_time_to_outcome_seconds_sum{${labels}} 3.1`);
  expect(lines).toContain(`surehop_time_to_outcome_seconds_bucket{le="0.1",${labels}} 1`);
  expect(lines.at(-2)).toBe('# EOF');
});

test('counters and histograms with known labels start at zero, so that Prometheus counts their first event', async () => {
  const known = { queue: ['loans', 'notices'], route: ['GET /a'], status: ['500'], dependency: ['store'] };
  const lines = (await createCollector(toolkitMetrics, { source, known }).text()).split('\n');
  const labels = 'service="shop",stage="local"';
  expect(lines).toContain(`surehop_store_requests_total{${labels}} 0`);
  expect(lines).toContain(`surehop_retried_total{${labels},queue="notices"} 0`);
  expect(lines).toContain(`surehop_requests_total{${labels},route="GET /a",status="500"} 0`);
  expect(lines).toContain(`surehop_batch_duration_seconds_count{${labels},queue="loans"} 0`);
  expect(lines).toContain(`surehop_breaker_open{${labels},dependency="store"} 0`);
  expect(lines.filter((line) => line.startsWith('surehop_queue_ready{'))).toEqual([]);
});

test('the trace id of a counter in a log line becomes the exemplar of the counter; the trace id of a histogram becomes the exemplar of the bucket that contains the largest value', async () => {
  const { observe, text } = createCollector(toolkitMetrics, { source });
  const traces = { RetriedTraceId: 'a'.repeat(32), TimeToOutcomeTraceId: 'b'.repeat(32) };
  observe(embedded({ Retried: 2, Completed: 1, TimeToOutcome: [100, 3_000] }, { queue: 'loans' }, traces));
  const lines = (await text()).split('\n');
  const exemplarOf = (start: string) => lines.find((line) => line.startsWith(start))?.split(' # ')[1];
  expect(exemplarOf('surehop_retried_total{')).toMatch(/^\{trace_id="a{32}"\} 2 \d/);
  expect(exemplarOf('surehop_time_to_outcome_seconds_bucket{le="5",')).toMatch(/^\{trace_id="b{32}"\} 3 \d/);
  expect(exemplarOf('surehop_time_to_outcome_seconds_bucket{le="0.1",')).toBeUndefined();
  expect(exemplarOf('surehop_completed_total{')).toBeUndefined();
});

test('the collector counts the invocations that the local event source reports, by queue and outcome', async () => {
  const { observe, text } = createCollector(eventSourceMetrics, { source });
  const report = { level: 'INFO', message: 'REPORT', function: 'lend', queue: 'loans', records: 3 };
  observe(JSON.stringify({ ...report, durationMs: 40, outcome: 'success' }));
  observe(JSON.stringify({ ...report, durationMs: 60, outcome: 'crash', error: 'exit code 3' }));
  const lines = (await text()).split('\n');
  const labels = 'service="shop",stage="local",queue="loans"';
  expect(lines).toContain(`surehop_event_source_invocations_total{${labels},outcome="crash"} 1`);
  expect(lines).toContain(`surehop_event_source_duration_seconds_sum{${labels}} 0.1`);
});

test('the collector omits the metrics of a queue that were last reported more than two and a half minutes ago', async () => {
  let nowMs = 0;
  const { observe, text } = createCollector(toolkitMetrics, { source, now: () => nowMs });
  observe(embedded({ QueueReady: 7 }, { queue: 'loans' }));
  nowMs = 150_000;
  expect(await text()).toContain('surehop_queue_ready{service="shop",stage="local",queue="loans"} 7');
  nowMs = 150_001;
  expect(await text()).not.toContain('surehop_queue_ready{');
});

test('the collector ignores log lines without metrics, incomplete log lines, and metrics that the toolkit does not define', async () => {
  const { observe, text } = createCollector(toolkitMetrics, { source });
  const before = await text();
  observe('{"level":"INFO","message":"hello"}');
  observe('{"_aws":{"CloudWatchMetrics":[');
  observe(embedded({ Unknown: 1 }, {}));
  expect(await text()).toBe(before);
});
