import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

import { config } from './config.ts';

type Dimensions = Readonly<Record<string, string>>;

let current: Metrics | undefined;

/** Counts things that happened, in one CloudWatch EMF line: no request is made. `dimensions` split the counts. */
export const counts = (values: Readonly<Record<string, number>>, dimensions: Dimensions = {}): void =>
  write(values, MetricUnit.Count, dimensions);

/** Counts one thing that happened. */
export const count = (name: string, value = 1, dimensions: Dimensions = {}): void =>
  counts({ [name]: value }, dimensions);

/** Records how long things took, in ms. */
export function durations(name: string, ms: readonly number[], dimensions: Dimensions = {}): void {
  for (let start = 0; start < ms.length; start += VALUES_PER_METRIC)
    write({ [name]: ms.slice(start, start + VALUES_PER_METRIC) }, MetricUnit.Milliseconds, dimensions);
}

/**
 * A metric of one line holds 100 values; Powertools publishes by itself at the hundredth, and would warn that nothing is left.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
const VALUES_PER_METRIC = 99;

/** Records how long one thing took, in ms. */
export const duration = (name: string, ms: number, dimensions: Dimensions = {}): void =>
  durations(name, [ms], dimensions);

function write(
  values: Readonly<Record<string, number | readonly number[]>>,
  unit: (typeof MetricUnit)[keyof typeof MetricUnit],
  dimensions: Dimensions,
): void {
  // Publishing empties it for the next line.
  const line = (current ??= new Metrics({ namespace: 'Surehop', serviceName: config().SERVICE_NAME }));
  line.addDimensions({ stage: config().STAGE, ...dimensions });
  for (const [name, value] of Object.entries(values))
    for (const one of typeof value === 'number' ? [value] : value) line.addMetric(name, unit, one);
  line.publishStoredMetrics();
}
