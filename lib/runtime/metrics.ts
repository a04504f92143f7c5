import { Metrics } from '@aws-lambda-powertools/metrics';

import type { DimensionArguments, MetricDefinition, MetricName, MetricTable } from './metric-table.ts';
import { toolkitMetrics } from './toolkit-metrics.ts';

interface Labels {
  readonly namespace: string;
  readonly service: string;
  readonly stage: string;
}

let labels: Labels = { namespace: 'Surehop', service: 'surehop', stage: 'local' };
let current: Metrics | undefined;

/** Sets the namespace, service and stage for all metrics of this process. */
export function configureMetrics(given: Labels): void {
  labels = given;
  current = undefined;
}

let isMuted = false;

/** Stops all metrics of this process, and returns a function that allows them again. */
export function muteMetrics(): () => void {
  isMuted = true;
  return () => {
    isMuted = false;
  };
}

/** One value, the values of a histogram, or `undefined` if there is no value to record. */
type Value = number | readonly number[] | undefined;

/**
 * Records values of metrics. A metric that is not in the table, or a value without one of the metric's dimensions, is a
 * compile error.
 */
type Recorder<T extends MetricTable> = <N extends MetricName<T>>(
  values: { readonly [M in N]?: Value },
  ...dimensions: DimensionArguments<T, N>
) => void;

/**
 * The largest number of values of one metric per log line. The format allows 100, but Powertools writes the line by itself
 * at the hundredth value and then warns that there is nothing to publish.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
const MAX_VALUES = 99;

/**
 * Returns a function that records the metrics of a table as log lines in CloudWatch's embedded metric format, which needs
 * no request to CloudWatch. Metrics with the same dimensions share a log line.
 */
export function metricsRecorder<T extends MetricTable>(table: T): Recorder<T> {
  return (values, ...[dimensions]) => {
    const groups = new Map<string, [string, MetricDefinition, readonly number[]][]>();
    for (const [name, value] of Object.entries<Value>(values)) {
      const definition = table[name]!;
      const numbers = value === undefined ? [] : typeof value === 'number' ? [value] : value;
      const group = definition.dimensions.join();
      if (numbers.length > 0) groups.set(group, [...(groups.get(group) ?? []), [name, definition, numbers]]);
    }
    for (const group of groups.values()) writeGroup(group, dimensions ?? {});
  };
}

function writeGroup(
  group: readonly (readonly [string, MetricDefinition, readonly number[]])[],
  given: Readonly<Record<string, string>>,
): void {
  if (isMuted) return;
  const [[, { dimensions: names }]] = group as [(typeof group)[0]];
  const dimensions = Object.fromEntries(names.map((name) => [name, given[name]!]));
  const { namespace, service, stage } = labels;
  const line = (current ??= new Metrics({ namespace, serviceName: service }));
  const longest = Math.max(...group.map(([, , numbers]) => numbers.length));
  for (let start = 0; start < longest; start += MAX_VALUES) {
    line.addDimensions({ stage, ...dimensions });
    for (const [name, { unit }, numbers] of group)
      for (const value of numbers.slice(start, start + MAX_VALUES)) line.addMetric(name, unit, value);
    // Publishing also empties `line` for the next log line.
    line.publishStoredMetrics();
  }
}

/** Records metrics of the toolkit. */
export const recordMetrics = metricsRecorder(toolkitMetrics);

/**
 * The names of the metrics whose values `collect` keeps in memory until they are logged together. These metrics have no
 * dimensions.
 */
type Collected = 'PublishDuration' | 'StoreRequests' | 'StoreConflicts';

const collected = new Map<Collected, number[]>();

/**
 * Keeps one value of a metric in memory until `recordCollected` writes it, so that one batch or request does not write
 * a log line for each publish and each DynamoDB request.
 */
export function collect(name: Collected, value: number): void {
  const values = collected.get(name);
  if (!values) collected.set(name, [value]);
  else if (toolkitMetrics[name].kind === 'counter') values[0]! += value;
  else if (values.push(value) === MAX_VALUES) recordCollected();
}

/** Writes the values that `collect` has kept in memory to the log. */
export function recordCollected(): void {
  recordMetrics(Object.fromEntries(collected) as Partial<Record<Collected, number[]>>);
  collected.clear();
}
