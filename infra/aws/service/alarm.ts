import { sub, type Resource, type Value } from '../template.ts';

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
  /** What is looked at; or else `query`. */
  readonly metrics?: Readonly<Record<string, Metric>>;
  /** Over the names of `metrics`; without it there is one metric. */
  readonly expression?: string;
  /** A query of CloudWatch Metrics Insights, for metrics whose dimensions nobody knows beforehand. */
  readonly query?: string;
  readonly comparison: 'above' | 'at least' | 'below';
  readonly threshold: number;
  readonly periodSeconds?: number;
  /** Periods that are looked at, and how many of them must be over the threshold; all by default. */
  readonly periods: number;
  readonly ofWhich?: number;
  /**
   * The value that a period without data is taken for, where the one metric has had data before. By default silence is fine.
   * A metric that has never had data leaves the alarm as it is, so that a first deployment wakes nobody up.
   */
  readonly silence?: { readonly isReadAs: number };
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
  const { name, description, severity, comparison, threshold, periods, ofWhich, silence } = definition;
  const action: Value[] = severity === 'release' ? [] : [topics[severity]];
  return {
    Type: 'AWS::CloudWatch::Alarm',
    Properties: {
      AlarmName: sub(`\${AWS::StackName}-${name}`),
      AlarmDescription: description,
      ComparisonOperator: operators[comparison],
      Threshold: threshold,
      // FILL needs a period with data among those that are looked at, so silence is looked for in twice as many; once all are
      // silent, the alarm stays as it is (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html).
      EvaluationPeriods: silence ? 2 * periods : periods,
      DatapointsToAlarm: ofWhich ?? periods,
      TreatMissingData: silence ? 'ignore' : 'notBreaching',
      ...(action.length > 0 && { AlarmActions: action, OKActions: action }),
      ...whatItLooksAt(definition),
    },
  };
}

function whatItLooksAt({
  name,
  metrics = {},
  expression,
  query,
  silence,
  periodSeconds: Period = 60,
}: AlarmDefinition): Record<string, Value> {
  if (query) return { Metrics: [{ Id: 'result', Expression: query, Label: name, Period, ReturnData: true }] };
  const [[firstId, first] = []] = Object.entries(metrics);
  if (!firstId || !first) throw new Error(`the alarm ${name} looks at no metric`);
  const math = silence ? `FILL(${firstId}, ${silence.isReadAs})` : expression;
  if (math)
    return {
      Metrics: [
        { Id: 'result', Expression: math, Label: name, ReturnData: true },
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
    };
  const isPercentile = /^p\d/.test(first.statistic);
  return {
    Namespace: first.namespace,
    MetricName: first.name,
    Dimensions: dimensionsOf(first),
    Period,
    ...(isPercentile ? { ExtendedStatistic: first.statistic } : { Statistic: first.statistic }),
  };
}
