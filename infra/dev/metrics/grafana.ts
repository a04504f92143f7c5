import { VizLegendOptionsBuilder } from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { ownMetric, type Chart } from 'serverless-surehop/alarms';
import { service } from 'serverless-surehop/definitions';
import type { MetricDefinition } from 'surehop';

import { promqlOf } from './alerts.ts';
import { collectedMetrics } from './collected-metrics.ts';
import { prometheusName } from './prometheus-names.ts';

const HEIGHT = 7;
const WIDTH = 8;

/** The dimensions by which the dashboard can be filtered. */
const FILTERS = ['queue', 'route'];

const QUANTILES = [0.5, 0.9, 0.99];

const OF_SERVICE = ['service="$service"', 'stage="$stage"'];

interface Query {
  readonly promql: string;
  readonly legend: string;
}

interface Panel {
  readonly title: string;
  readonly description?: string;
  readonly unit: string;
  readonly queries: readonly Query[];
}

const words = (name: string): string => name.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function unitOf({ kind, unit }: Pick<MetricDefinition, 'kind' | 'unit'>): string {
  if (unit === 'Milliseconds') return 's';
  if (unit === 'Percent') return 'percent';
  return kind === 'counter' ? 'cps' : 'short';
}

function panelOf(name: string, definition: MetricDefinition): Panel {
  const { kind, dimensions, meaning } = definition;
  const series = prometheusName(name, definition);
  const filters = dimensions.filter((label) => FILTERS.includes(label)).map((label) => `${label}=~"$${label}"`);
  const selector = (suffix = '') => `${series}${suffix}{${[...OF_SERVICE, ...filters].join(',')}}`;
  const rate = (suffix = '') => `rate(${selector(suffix)}[$__rate_interval])`;
  const by = (...labels: readonly string[]) => (labels.length > 0 ? ` by (${labels.join(', ')})` : '');
  const legend = (prefix: string) => [prefix, ...dimensions.map((label) => `{{${label}}}`)].filter(Boolean).join(' ');
  const title = sentence(words(name));
  const panel = (queries: readonly Query[]) => ({
    title: kind === 'counter' ? `${title} per second` : title,
    description: `${sentence(meaning)} (${series}).`,
    unit: unitOf(definition),
    queries,
  });
  if (kind === 'counter')
    return panel([{ promql: `sum${by(...dimensions)} (${rate()})`, legend: legend('') || words(name) }]);
  if (kind === 'gauge')
    return panel([{ promql: `max${by(...dimensions)} (${selector()})`, legend: legend('') || words(name) }]);
  const sum = (suffix: string) => `sum${by(...dimensions)} (${rate(suffix)})`;
  return panel([
    { promql: `${sum('_sum')} / ${sum('_count')}`, legend: legend('mean') },
    ...QUANTILES.map((quantile) => ({
      promql: `histogram_quantile(${quantile}, sum${by('le', ...dimensions)} (${rate('_bucket')}))`,
      legend: legend(`p${quantile * 100}`),
    })),
  ]);
}

const panelOfChart = ({ title, metrics }: Chart): Panel => ({
  title: title.replace(' (ms)', ''),
  unit: unitOf({ ...collectedMetrics[metrics[0]!.name]!, kind: 'gauge' }),
  queries: metrics.map((metric) => ({ promql: promqlOf(metric, 60, OF_SERVICE), legend: metric.label })),
});

const firingAlerts: Panel = {
  title: 'Alerts that fire',
  unit: 'short',
  queries: [
    {
      promql: 'sum by (severity, alertname) (ALERTS{alertstate="firing"})',
      legend: '{{severity}}: {{alertname}}',
    },
  ],
};

function timeSeries({ title, description = '', unit, queries }: Panel): PanelBuilder {
  const panel = new PanelBuilder()
    .title(title)
    .description(description)
    .datasource({ type: 'prometheus', uid: '${datasource}' })
    .unit(unit)
    .min(0)
    .legend(new VizLegendOptionsBuilder().showLegend(true))
    .height(HEIGHT)
    .span(WIDTH);
  for (const { promql, legend } of queries) {
    // Histograms and counters have exemplars, which link a point of the chart to a trace.
    panel.withTarget(
      new DataqueryBuilder()
        .expr(promql)
        .legendFormat(legend)
        .range()
        .exemplar(/rate\(|increase\(/.test(promql)),
    );
  }
  return panel;
}

const labelValues = (label: string, series: string) =>
  new QueryVariableBuilder(label)
    .datasource({ type: 'prometheus', uid: '${datasource}' })
    .query(`label_values(${series}, ${label})`)
    .refresh(VariableRefresh.OnTimeRangeChanged);

/**
 * Returns the Grafana dashboard, which has a row for each layer (infrastructure, application and business) and a panel
 * for each metric.
 */
export function grafanaDashboard(): string {
  const panelsOf = (layer: MetricDefinition['layer']) =>
    Object.entries(collectedMetrics)
      .filter(([, definition]) => definition.layer === layer)
      .map(([name, definition]) => panelOf(name, definition));
  const rows = {
    Business: [...service.charts(ownMetric(service.name, 'local')).map(panelOfChart), ...panelsOf('business')],
    Application: panelsOf('application'),
    Infrastructure: panelsOf('infrastructure'),
  };
  const dashboard = new DashboardBuilder(sentence(service.name))
    .uid(service.name)
    .tags([service.name])
    .refresh('10s')
    .time({ from: 'now-30m', to: 'now' })
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder('datasource').type('prometheus'))
    .withVariable(labelValues('service', 'surehop_store_requests_total'))
    .withVariable(labelValues('stage', 'surehop_store_requests_total'));
  for (const label of FILTERS) {
    const [name, definition] = Object.entries(collectedMetrics).find(
      ([, { kind, dimensions }]) => kind === 'counter' && dimensions.includes(label),
    )!;
    dashboard.withVariable(
      labelValues(label, prometheusName(name, definition)).multi(true).includeAll(true).allValue('.+'),
    );
  }
  dashboard.withPanel(timeSeries(firingAlerts).span(24));
  for (const [title, panels] of Object.entries(rows)) {
    dashboard.withRow(new RowBuilder(title));
    for (const panel of panels) dashboard.withPanel(timeSeries(panel));
  }
  return JSON.stringify(dashboard.build(), null, 2);
}
