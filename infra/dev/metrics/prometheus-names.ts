import type { MetricDefinition } from 'surehop';

const SUFFIXES: Readonly<Record<MetricDefinition['unit'], string>> = {
  Count: '',
  None: '',
  Percent: '',
  Milliseconds: '_seconds',
};

/**
 * Returns the name of a metric in Prometheus, for example `surehop_batch_duration_seconds` for `BatchDuration`. Prometheus counts
 * durations in seconds, and the names of counters end with `_total` (https://prometheus.io/docs/practices/naming/).
 */
export function prometheusName(name: string, { kind, unit }: Pick<MetricDefinition, 'kind' | 'unit'>): string {
  const words = name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
  return `surehop_${words}${SUFFIXES[unit]}${kind === 'counter' ? '_total' : ''}`;
}

/**
 * Converts the value of a metric to the unit that Prometheus uses: milliseconds become seconds, other units stay
 * unchanged.
 */
export const prometheusValue = (value: number, { unit }: Pick<MetricDefinition, 'unit'>): number =>
  unit === 'Milliseconds' ? value / 1_000 : value;
