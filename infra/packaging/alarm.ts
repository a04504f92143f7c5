import { sub, type Resource, type Value } from './template.ts';

/** `critical` wakes somebody up, `warning` waits until morning; `release` only stops a release. */
type Severity = 'critical' | 'warning' | 'release';

/** One metric of CloudWatch over a minute, or over `periodSeconds`. */
export interface Metric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, Value>>;
  /** `Sum`, `Average`, `Maximum`, `Minimum`, or a percentile such as `p90`. */
  readonly statistic: string;
}

export interface AlarmDefinition {
  readonly name: string;
  /** What it means and what to do first: it is all that somebody reads at night. */
  readonly description: string;
  readonly severity: Severity;
  readonly metrics: Readonly<Record<string, Metric>>;
  /** Over the names of `metrics`; without it there is one metric. */
  readonly expression?: string;
  readonly comparison: 'above' | 'at least' | 'below';
  readonly threshold: number;
  readonly periodSeconds?: number;
  /** Periods that are looked at, and how many of them must be over the threshold; all by default. */
  readonly periods: number;
  readonly ofWhich?: number;
  /** What it means that there are no data; `fine` by default. */
  readonly missing?: 'fine' | 'bad';
}

const operators = {
  above: 'GreaterThanThreshold',
  'at least': 'GreaterThanOrEqualToThreshold',
  below: 'LessThanThreshold',
} as const;

/** Where the alarms of each severity go. */
export type Topics = Readonly<Record<Exclude<Severity, 'release'>, Value>>;

const dimensionsOf = ({ dimensions }: Metric): Value =>
  Object.entries(dimensions).map(([Name, value]) => ({ Name, Value: value }));

/** The alarm as CloudFormation wants it. Its name begins with the stack's, so that stages do not meet. */
export function alarm(definition: AlarmDefinition, topics: Topics): Resource {
  const { name, description, severity, metrics, expression, comparison, threshold, periods, ofWhich, missing } =
    definition;
  const Period = definition.periodSeconds ?? 60;
  const [first] = Object.values(metrics);
  if (!first) throw new Error(`the alarm ${name} looks at no metric`);
  const isPercentile = /^p\d/.test(first.statistic);
  const action: Value[] = severity === 'release' ? [] : [topics[severity]];
  return {
    Type: 'AWS::CloudWatch::Alarm',
    Properties: {
      AlarmName: sub(`\${AWS::StackName}-${name}`),
      AlarmDescription: description,
      ComparisonOperator: operators[comparison],
      Threshold: threshold,
      EvaluationPeriods: periods,
      DatapointsToAlarm: ofWhich ?? periods,
      TreatMissingData: missing === 'bad' ? 'breaching' : 'notBreaching',
      ...(action.length > 0 && { AlarmActions: action, OKActions: action }),
      ...(expression
        ? {
            Metrics: [
              { Id: 'result', Expression: expression, Label: name, ReturnData: true },
              ...Object.entries(metrics).map(([Id, metric]) => ({
                Id,
                ReturnData: false,
                MetricStat: {
                  Metric: { Namespace: metric.namespace, MetricName: metric.name, Dimensions: dimensionsOf(metric) },
                  Period,
                  Stat: metric.statistic,
                },
              })),
            ],
          }
        : {
            Namespace: first.namespace,
            MetricName: first.name,
            Dimensions: dimensionsOf(first),
            Period,
            ...(isPercentile ? { ExtendedStatistic: first.statistic } : { Statistic: first.statistic }),
          }),
    },
  };
}
