import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

import { config } from './config.ts';

type Dimensions = Readonly<Record<string, string>>;

/** Counts things that happened, in one CloudWatch EMF line: no request is made. `dimensions` split the counts. */
export const counts = (values: Readonly<Record<string, number>>, dimensions: Dimensions = {}): void =>
  write(values, MetricUnit.Count, dimensions);

/** Counts one thing that happened. */
export const count = (name: string, value = 1, dimensions: Dimensions = {}): void =>
  counts({ [name]: value }, dimensions);

/** Records how long something took, in ms. */
export const duration = (name: string, ms: number, dimensions: Dimensions = {}): void =>
  write({ [name]: ms }, MetricUnit.Milliseconds, dimensions);

function write(
  values: Readonly<Record<string, number>>,
  unit: (typeof MetricUnit)[keyof typeof MetricUnit],
  dimensions: Dimensions,
): void {
  const line = new Metrics({ namespace: 'Surehop', serviceName: config().SERVICE_NAME });
  line.addDimensions({ stage: config().STAGE, ...dimensions });
  for (const [name, value] of Object.entries(values)) line.addMetric(name, unit, value);
  line.publishStoredMetrics();
}
