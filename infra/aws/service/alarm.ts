import { sub, type Resource, type Value } from '../template.ts';

/** `critical` needs action at once, `warning` during working hours; `release` only rolls back a release. */
type Severity = 'critical' | 'warning' | 'release';

/** A CloudWatch metric, by default over periods of one minute. */
export interface Metric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, Value>>;
  /** `Sum`, `Average`, `Maximum`, `Minimum`, or a percentile such as `p90`. */
  readonly statistic: string;
}

/** An alarm, independent of CloudFormation. */
export interface AlarmDefinition {
  readonly name: string;
  /** The meaning of the alarm and the first step, which the notification contains. */
  readonly description: string;
  readonly severity: Severity;
  /** The metrics by id; alternatively set `query`. */
  readonly metrics?: Readonly<Record<string, Metric>>;
  /** A metric math expression over the ids of `metrics`; required if there are several. */
  readonly expression?: string;
  /** A CloudWatch Metrics Insights query, for metrics whose dimensions are unknown before the deployment. */
  readonly query?: string;
  readonly comparison: 'above' | 'at least' | 'below';
  readonly threshold: number;
  readonly periodSeconds?: number;
  /** The number of evaluated periods. */
  readonly periods: number;
  /** How many of the periods must breach the threshold; by default all. */
  readonly ofWhich?: number;
  /**
   * The value that replaces missing data of a metric that has had data before. By default missing data does not breach the threshold.
   * A metric that has never had data does not change the state of the alarm, so a first deployment raises no alarm.
   */
  readonly silence?: { readonly isReadAs: number };
}

const operators = {
  above: 'GreaterThanThreshold',
  'at least': 'GreaterThanOrEqualToThreshold',
  below: 'LessThanThreshold',
} as const;

/** The topics for alarms of each severity. */
export type Topics = Readonly<Record<Exclude<Severity, 'release'>, Value>>;

const dimensionsOf = ({ dimensions }: Metric): Value =>
  Object.entries(dimensions).map(([Name, value]) => ({ Name, Value: value }));

/** The alarm as a CloudFormation resource; its name begins with the stack's name, so that stages do not conflict. */
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
      // FILL needs at least one evaluated period with data, so twice as many periods are evaluated. Once all of them lack data,
      // the alarm keeps its state (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html).
      EvaluationPeriods: silence ? 2 * periods : periods,
      DatapointsToAlarm: ofWhich ?? periods,
      TreatMissingData: silence ? 'ignore' : 'notBreaching',
      ...(action.length > 0 && { AlarmActions: action, OKActions: action }),
      ...metricsOf(definition),
    },
  };
}

function metricsOf({
  name,
  metrics = {},
  expression,
  query,
  silence,
  periodSeconds: Period = 60,
}: AlarmDefinition): Record<string, Value> {
  if (query) return { Metrics: [{ Id: 'result', Expression: query, Label: name, Period, ReturnData: true }] };
  const [[firstId, first] = []] = Object.entries(metrics);
  if (!firstId || !first) throw new Error(`the alarm ${name} has no metric`);
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

/** A custom metric that the functions publish (lib/runtime/metrics.ts), with its dimensions. */
export const ownMetric =
  (service: string, stageName: string) =>
  (name: string, statistic: string, dimensions: Readonly<Record<string, string>> = {}): Metric => ({
    namespace: 'Surehop',
    name,
    statistic,
    dimensions: { service, stage: stageName, ...dimensions },
  });
