import { expect, test } from '@jest/globals';

import { createCollector } from '../../../infra/dev/metrics/collector.ts';
import { toolkitMetrics } from '../../../lib/runtime/toolkit-metrics.ts';

/** Builds a log line in CloudWatch's embedded metric format. */
function embedded(
  values: Readonly<Record<string, number | number[]>>,
  dimensions: Readonly<Record<string, string>>,
): string {
  const all = { service: 'shop', stage: 'local', ...dimensions };
  const Metrics = Object.keys(values).map((Name) => ({ Name, Unit: 'Count' }));
  const CloudWatchMetrics = [{ Namespace: 'Surehop', Dimensions: [Object.keys(all)], Metrics }];
  return JSON.stringify({ _aws: { Timestamp: 1, CloudWatchMetrics }, ...all, ...values });
}

test('the collector adds up counters, and converts durations to histograms in seconds', async () => {
  const { observe, text } = createCollector(toolkitMetrics);
  observe(embedded({ Completed: 2, TimeToOutcome: [100, 3_000] }, { queue: 'loans' }));
  observe(embedded({ Completed: 3 }, { queue: 'loans' }));
  const lines = (await text()).split('\n');
  const labels = 'service="shop",stage="local",queue="loans"';
  expect(lines).toContain(`surehop_completed_total{${labels}} 5`);
  expect(lines).toContain(`surehop_time_to_outcome_seconds_sum{${labels}} 3.1`);
  expect(lines).toContain(`surehop_time_to_outcome_seconds_bucket{le="0.1",${labels}} 1`);
  expect(lines.at(-2)).toBe('# EOF');
});

test('the collector omits the metrics of a queue that were last reported more than two and a half minutes ago', async () => {
  let nowMs = 0;
  const { observe, text } = createCollector(toolkitMetrics, () => nowMs);
  observe(embedded({ QueueReady: 7 }, { queue: 'loans' }));
  nowMs = 150_000;
  expect(await text()).toContain('surehop_queue_ready{service="shop",stage="local",queue="loans"} 7');
  nowMs = 150_001;
  expect(await text()).not.toContain('surehop_queue_ready{');
});

test('the collector ignores log lines without metrics, incomplete log lines, and metrics that the toolkit does not define', async () => {
  const { observe, text } = createCollector(toolkitMetrics);
  const before = await text();
  observe('{"level":"INFO","message":"hello"}');
  observe('{"_aws":{"CloudWatchMetrics":[');
  observe(embedded({ Unknown: 1 }, {}));
  expect(await text()).toBe(before);
});
