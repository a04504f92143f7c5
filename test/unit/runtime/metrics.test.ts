import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';

import { collect, recordCollected, recordMetrics } from '../../../lib/runtime/metrics.ts';
import { toolkitMetrics } from '../../../lib/runtime/toolkit-metrics.ts';

interface Line {
  readonly [name: string]: unknown;
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
    }[];
  };
}

let lines: Line[];
beforeEach(() => {
  lines = [];
  Object.assign(process.env, { POWERTOOLS_DEV: 'true', POWERTOOLS_METRICS_DISABLED: 'false' });
  jest.spyOn(console, 'log').mockImplementation((line: unknown) => void lines.push(JSON.parse(String(line)) as Line));
});
afterEach(() => void jest.restoreAllMocks());

const definitionsIn = ({ _aws: { CloudWatchMetrics } }: Line) =>
  CloudWatchMetrics.flatMap(({ Metrics }) => Metrics.map(({ Name, Unit }) => [Name, Unit]));

test('each metric is recorded with the unit and only the dimensions that its definition contains', () => {
  recordMetrics({ Requests: 1, RequestDuration: 12 }, { route: 'GET /a', status: '200' });
  expect(lines.map(definitionsIn)).toEqual([[['Requests', 'Count']], [['RequestDuration', 'Milliseconds']]]);
  expect(lines[0]).toMatchObject({ Requests: 1, route: 'GET /a', status: '200' });
  expect(lines[1]).toMatchObject({ RequestDuration: 12, route: 'GET /a' });
  expect(lines[1]).not.toHaveProperty('status');
});

test('metrics with the same dimensions share a log line, and more than 99 values of a metric are split over several lines', () => {
  recordMetrics({ BatchSize: 150, TimeToOutcome: Array.from({ length: 150 }, (_, n) => n) }, { queue: 'loans' });
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatchObject({ queue: 'loans', BatchSize: 150 });
  expect(lines.flatMap((line) => line['TimeToOutcome'])).toEqual(Array.from({ length: 150 }, (_, n) => n));
  expect(lines[1]).not.toHaveProperty('BatchSize');
});

test('if the values of a metric need several log lines, only the line with the largest value contains the trace id', () => {
  const numbers = Array.from({ length: 150 }, (_, n) => n);
  recordMetrics(
    { Completed: { values: 150, traceId: undefined }, TimeToOutcome: { values: numbers, traceId: 'abc' } },
    { queue: 'loans' },
  );
  expect(lines.map((line) => line['TimeToOutcomeTraceId'])).toEqual([undefined, 'abc']);
  expect(lines[0]).toMatchObject({ Completed: 150 });
  expect(lines[0]).not.toHaveProperty('CompletedTraceId');
});

test('a metric whose value is undefined is not recorded', () => {
  recordMetrics({ BrokerNodesDown: 0, BrokerNodeDiskRatio: undefined });
  recordMetrics({ BrokerNodeDiskRatio: undefined });
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toHaveProperty('BrokerNodeDiskRatio');
});

test('collected metric values are written once: a counter as a sum, a histogram as all of its values', () => {
  collect('StoreRequests', 1);
  collect('StoreRequests', 1);
  collect('PublishDuration', 5);
  collect('PublishDuration', 7);
  expect(lines).toEqual([]);
  recordCollected();
  recordCollected();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ StoreRequests: 2, PublishDuration: [5, 7] });
});

test('every metric of the toolkit has a description of what the metric counts or measures', () => {
  for (const [name, { meaning }] of Object.entries(toolkitMetrics))
    expect([name, meaning.length > 20]).toEqual([name, true]);
});

test('code that records an undefined metric, or a metric with other dimensions than its definition, does not compile', () => {
  const wrong = () => {
    // @ts-expect-error the dimension `queue` is missing
    recordMetrics({ Completed: 1 });
    // @ts-expect-error the dimension `status` is missing
    recordMetrics({ Requests: 1 }, { route: 'GET /a' });
    // @ts-expect-error the metric has no dimension `queue`
    recordMetrics({ StoreRequests: 1 }, { queue: 'loans' });
    // @ts-expect-error the metric is not in the table
    recordMetrics({ Unknown: 1 });
  };
  // Powertools warns about each missing dimension.
  jest.spyOn(console, 'warn').mockImplementation(() => {});
  // The type check verifies each of the comments above. At run time only the unknown metric is an error.
  expect(wrong).toThrow(TypeError);
});
