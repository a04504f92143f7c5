import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

type Dimensions = Readonly<Record<string, string>>;

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

/** Records counts as one log line in CloudWatch's embedded metric format, which needs no request to CloudWatch. */
export const counts = (values: Readonly<Record<string, number>>, dimensions: Dimensions = {}): void =>
  write(values, MetricUnit.Count, dimensions);

/** Records the value of one count metric. */
export const count = (name: string, value = 1, dimensions: Dimensions = {}): void =>
  counts({ [name]: value }, dimensions);

/** Records several durations of one metric, in ms. */
export function durations(name: string, ms: readonly number[], dimensions: Dimensions = {}): void {
  for (let start = 0; start < ms.length; start += MAX_VALUES)
    write({ [name]: ms.slice(start, start + MAX_VALUES) }, MetricUnit.Milliseconds, dimensions);
}

/**
 * The largest number of values of one metric per log line. The format allows 100, but Powertools writes the line by itself
 * at the hundredth value and then warns that there is nothing to publish.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
const MAX_VALUES = 99;

/** Records one duration of a metric, in ms. */
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
