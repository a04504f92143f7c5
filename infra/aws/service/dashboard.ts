import type { Metric } from './alarm.ts';
import { sub, type Resource, type Value } from '../template.ts';

export interface Chart {
  readonly title: string;
  readonly metrics: readonly (Metric & { readonly label: string })[];
}

export interface Section {
  readonly heading: string;
  readonly charts: readonly Chart[];
}

const COLUMNS = 3;
const CHART = { width: 8, height: 6 };

type Widget = Readonly<Record<string, Value>>;

const metricOf = ({ namespace, name, dimensions, statistic, label }: Chart['metrics'][number]): Value => [
  namespace,
  name,
  ...Object.entries(dimensions).flat(),
  { stat: statistic, label },
];

/** Returns the CloudWatch dashboard of a stage. Its sections are one below the other. */
export function dashboard(sections: readonly Section[]): Resource {
  const widgets: Widget[] = [];
  let y = 0;
  for (const { heading, charts } of sections) {
    widgets.push({ type: 'text', x: 0, y, width: 24, height: 1, properties: { markdown: `## ${heading}` } });
    y += 1;
    charts.forEach(({ title, metrics }, index) => {
      widgets.push({
        type: 'metric',
        x: (index % COLUMNS) * CHART.width,
        y: y + Math.floor(index / COLUMNS) * CHART.height,
        ...CHART,
        properties: {
          title,
          region: '${AWS::Region}',
          view: 'timeSeries',
          period: 60,
          metrics: metrics.map(metricOf),
        },
      });
    });
    y += Math.ceil(charts.length / COLUMNS) * CHART.height;
  }
  return {
    Type: 'AWS::CloudWatch::Dashboard',
    Properties: { DashboardName: sub('${AWS::StackName}'), DashboardBody: sub(JSON.stringify({ widgets })) },
  };
}
