import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

type Dimensions = Readonly<Record<string, string>>;

interface Labels {
  readonly namespace: string;
  readonly service: string;
  readonly stage: string;
}

let labels: Labels = { namespace: 'Surehop', service: 'surehop', stage: 'local' };
let current: Metrics | undefined;

/** Sets the namespace, service and stage of this process's metrics. */
export function configureMetrics(given: Labels): void {
  labels = given;
  current = undefined;
}

/** Records counts as one line of CloudWatch's embedded metric format, which needs no request to CloudWatch. */
export const counts = (values: Readonly<Record<string, number>>, dimensions: Dimensions = {}): void =>
  write(values, MetricUnit.Count, dimensions);

/** Records one count. */
export const count = (name: string, value = 1, dimensions: Dimensions = {}): void =>
  counts({ [name]: value }, dimensions);

/** Records durations in ms. */
export function durations(name: string, ms: readonly number[], dimensions: Dimensions = {}): void {
  for (let start = 0; start < ms.length; start += MAX_VALUES)
    write({ [name]: ms.slice(start, start + MAX_VALUES) }, MetricUnit.Milliseconds, dimensions);
}

/**
 * Values of one metric per line. The format allows 100, but Powertools flushes by itself at the hundredth value and then warns
 * that there is nothing to publish.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
const MAX_VALUES = 99;

/** Records one duration in ms. */
export const duration = (name: string, ms: number, dimensions: Dimensions = {}): void =>
  durations(name, [ms], dimensions);

function write(
  values: Readonly<Record<string, number | readonly number[]>>,
  unit: (typeof MetricUnit)[keyof typeof MetricUnit],
  dimensions: Dimensions,
): void {
  const { namespace, service, stage } = labels;
  const line = (current ??= new Metrics({ namespace, serviceName: service }));
  line.addDimensions({ stage, ...dimensions });
  for (const [name, value] of Object.entries(values))
    for (const one of typeof value === 'number' ? [value] : value) line.addMetric(name, unit, one);
  // Publishing also empties `line` for the next call.
  line.publishStoredMetrics();
}
