import type { Metric } from '../alarm.ts';

/** A custom metric that the functions publish (lib/runtime/metrics.ts), with its dimensions. */
export const ownMetric =
  (service: string, stageName: string) =>
  (name: string, statistic: string, dimensions: Readonly<Record<string, string>> = {}): Metric => ({
    namespace: 'Surehop',
    name,
    statistic,
    dimensions: { service, stage: stageName, ...dimensions },
  });
