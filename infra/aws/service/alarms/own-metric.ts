import type { Metric } from '../alarm.ts';

/** A metric that the functions write themselves (lib/runtime/metrics.ts), with its dimensions. */
export const ownMetric =
  (service: string, stageName: string) =>
  (name: string, statistic: string, dimensions: Readonly<Record<string, string>> = {}): Metric => ({
    namespace: 'Surehop',
    name,
    statistic,
    dimensions: { service, stage: stageName, ...dimensions },
  });
