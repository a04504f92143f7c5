import { ownMetric, type AlarmDefinition } from 'serverless-surehop/alarms';
import { service } from 'serverless-surehop/definitions';

import { alertOf } from './alerts.ts';
import { collectedMetrics } from './collected-metrics.ts';
import { prometheusName } from './prometheus-names.ts';

const row = (...cells: readonly string[]) => `| ${cells.join(' | ')} |`;
const code = (text: string) => `\`${text}\``;

/** Returns the table of all metrics as Markdown: the recorded metrics, and then the business metrics. */
export function metricsTable(): string {
  const table = collectedMetrics;
  const recorded = Object.entries(table).map(([name, definition]) => {
    const { layer, unit, dimensions, meaning } = definition;
    return row(
      code(name),
      code(prometheusName(name, definition)),
      layer,
      unit,
      dimensions.map(code).join(', '),
      meaning,
    );
  });
  const business = Object.entries(service.businessMetrics?.(ownMetric('surehop', 'local')) ?? {}).map(
    ([id, { name, dimensions, meaning }]) => {
      const definition = table[name]!;
      const fixed = definition.dimensions.map((label) => code(`${label}=${JSON.stringify(dimensions[label])}`));
      return row(
        `${id} (${code(name)})`,
        code(prometheusName(name, definition)),
        'business',
        definition.unit,
        fixed.join(', '),
        meaning,
      );
    },
  );
  return [
    row('metric', 'in Prometheus', 'layer', 'unit', 'dimensions', 'meaning'),
    row('---', '---', '---', '---', '---', '---'),
    ...recorded,
    ...business,
  ].join('\n');
}

/**
 * Returns a Markdown table of the alarms that exist only in CloudWatch, because Prometheus cannot check their
 * conditions. The alarms are grouped by the AWS metrics that they use.
 */
export function onlyInCloudWatch(layers: Readonly<Record<string, readonly AlarmDefinition[]>>): string {
  const byMetric = new Map<string, string[]>();
  for (const alarm of Object.values(layers).flat()) {
    if (alertOf(alarm) !== undefined) continue;
    const used = Object.values(alarm.metrics ?? {}).map(({ namespace, name }) => `${namespace} ${name}`);
    const metric = used.join(', ') || 'AWS/AmazonMQ SystemCpuUtilization of each node';
    byMetric.set(metric, [...(byMetric.get(metric) ?? []), code(alarm.name)]);
  }
  return [
    row('metric of AWS', 'alarms'),
    row('---', '---'),
    ...[...byMetric].map(([metric, names]) => row(metric, names.join(', '))),
  ].join('\n');
}
