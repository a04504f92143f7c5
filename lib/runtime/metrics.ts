import { Metrics } from '@aws-lambda-powertools/metrics';

import type { DimensionArguments, MetricName, RecordedMetric, RecordedTable } from './metric-table.ts';
import { recordedMetrics } from './recorded-metrics.ts';

interface Labels {
  readonly namespace: string;
  readonly service: string;
  readonly stage: string;
}

let labels: Labels = { namespace: 'Surehop', service: 'surehop', stage: 'local' };
let current: Metrics | undefined;

export function configureMetrics(given: Labels): void {
  labels = given;
  current = undefined;
}

let isMuted = false;

/** Stops this process from recording metrics, and returns a function that allows recording again. */
export function muteMetrics(): () => void {
  isMuted = true;
  return () => {
    isMuted = false;
  };
}

type Values = number | readonly number[];

interface Traced {
  readonly values: Values;
  readonly traceId: string | undefined;
}

type Value = Values | Traced | undefined;

/** Records values of metrics. The compiler refuses an unknown metric and a missing dimension. */
type Recorder<T extends RecordedTable> = <N extends MetricName<T>>(
  values: { readonly [M in N]?: Value },
  ...dimensions: DimensionArguments<T, N>
) => void;

/** The maximum number of values of one metric per log line. */
const MAX_VALUES = 99;

interface Recorded {
  readonly name: string;
  readonly definition: RecordedMetric;
  readonly numbers: readonly number[];
  readonly traceId: string | undefined;
}

/**
 * Returns a function that records the metrics that `table` defines, as log lines in CloudWatch's embedded metric
 * format. Metrics with the same dimensions share a log line.
 */
export function metricsRecorder<T extends RecordedTable>(table: T): Recorder<T> {
  return (values, ...[dimensions]) => {
    const groups = new Map<string, Recorded[]>();
    for (const [name, value] of Object.entries<Value>(values)) {
      const definition = table[name]!;
      const { values: given, traceId } = isTraced(value) ? value : { values: value, traceId: undefined };
      const numbers = given === undefined ? [] : [given].flat();
      const group = definition.dimensions.join();
      if (numbers.length > 0) groups.set(group, [...(groups.get(group) ?? []), { name, definition, numbers, traceId }]);
    }
    for (const group of groups.values()) writeGroup(group, dimensions ?? {});
  };
}

const isTraced = (value: Value): value is Traced => typeof value === 'object' && 'traceId' in value;

function writeGroup(group: readonly Recorded[], given: Readonly<Record<string, string>>): void {
  if (isMuted) return;
  const [{ definition }] = group as [Recorded];
  const dimensions = Object.fromEntries(definition.dimensions.map((name) => [name, given[name]!]));
  const { namespace, service, stage } = labels;
  const line = (current ??= new Metrics({ namespace, serviceName: service }));
  const longest = Math.max(...group.map(({ numbers }) => numbers.length));
  for (let start = 0; start < longest; start += MAX_VALUES) {
    line.addDimensions({ stage, ...dimensions });
    for (const { name, definition, numbers, traceId } of group) {
      const written = numbers.slice(start, start + MAX_VALUES);
      for (const value of written) line.addMetric(name, definition.unit, value);
      if (traceId && written.includes(Math.max(...numbers))) line.addMetadata(`${name}TraceId`, traceId);
    }
    // Publishing also empties `line` for the next log line.
    line.publishStoredMetrics();
  }
}

export const recordMetrics = metricsRecorder(recordedMetrics);

type Collected = 'PublishDuration' | 'StoreRequests' | 'StoreConflicts';

const collected = new Map<Collected, number[]>();

/** Keeps one value of a metric in memory until `recordCollected` logs it together with other values. */
export function collect(name: Collected, value: number): void {
  const values = collected.get(name);
  if (!values) collected.set(name, [value]);
  else if (recordedMetrics[name].kind === 'counter') values[0]! += value;
  else if (values.push(value) === MAX_VALUES) recordCollected();
}

/**
 * Logs the metric values that `collect` has kept in memory. `traceId` is the trace of the request or batch in which the
 * values occurred.
 */
export function recordCollected(traceId?: string): void {
  const { PublishDuration, ...counters } = Object.fromEntries(collected) as Partial<Record<Collected, number[]>>;
  recordMetrics({ ...counters, PublishDuration: PublishDuration && { values: PublishDuration, traceId } });
  collected.clear();
}
