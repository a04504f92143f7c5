import { toolkitMetrics, type DimensionArguments, type MetricName, type MetricTable } from 'surehop';

import { service as declared } from '../../service.ts';
import { sub, type Resource, type Value } from '../template.ts';

/**
 * The severity of an alarm: `critical` needs immediate action, `warning` needs action during working hours, and
 * `release` notifies nobody but makes CodeDeploy roll back a release.
 */
type Severity = 'critical' | 'warning' | 'release';

/** A CloudWatch metric with its dimensions and the statistic to evaluate. */
export interface Metric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, Value>>;
  /** The statistic: `Sum`, `Average`, `Maximum`, `Minimum`, or a percentile such as `p90`. */
  readonly statistic: string;
}

/** The definition of an alarm, from which `alarm` creates a CloudFormation resource. */
export interface AlarmDefinition {
  readonly name: string;
  /** The text of the notification: what the alarm means and what to do first. */
  readonly description: string;
  readonly severity: Severity;
  /**
   * The CloudWatch metrics that the alarm evaluates, by the id with which `expression` refers to the metric. An alarm
   * has either `metrics` or `query`.
   */
  readonly metrics?: Readonly<Record<string, Metric>>;
  /** A CloudWatch metric math expression that combines the metrics by their ids; required if there are several metrics. */
  readonly expression?: string;
  /**
   * The PromQL expression of the alarm's Prometheus alert. In the expression, `$` and the id of a metric stand for the
   * value of the metric, for example `$errors` for the metric `errors`.
   */
  readonly promql?: string;
  /**
   * The metrics that the Prometheus version of this alarm uses. Each of them replaces the CloudWatch metric with the
   * same id in `metrics`.
   */
  readonly recorded?: Readonly<Record<string, Metric>>;
  /**
   * A CloudWatch Metrics Insights query, used instead of `metrics` if the dimensions of the metrics are not known
   * before the deployment.
   */
  readonly query?: string;
  readonly comparison: 'above' | 'at least' | 'below';
  readonly threshold: number;
  readonly periodSeconds?: number;
  /** The number of most recent periods that the alarm evaluates. */
  readonly periods: number;
  /** How many of the evaluated periods must breach the threshold before the alarm is raised; by default all of them. */
  readonly ofWhich?: number;
  /**
   * The value that the alarm assumes for each missing data point. By default, missing data does not breach the
   * threshold.
   */
  readonly silence?: { readonly isReadAs: number };
}

const operators = {
  above: 'GreaterThanThreshold',
  'at least': 'GreaterThanOrEqualToThreshold',
  below: 'LessThanThreshold',
} as const;

/** The SNS topics that are notified of alarms: one topic for each severity. */
export type Topics = Readonly<Record<Exclude<Severity, 'release'>, Value>>;

const dimensionsOf = ({ dimensions }: Metric): Value =>
  Object.entries(dimensions).map(([Name, value]) => ({ Name, Value: value }));

/**
 * Creates an alarm as a CloudFormation resource. The name of the alarm begins with the name of the stack, and therefore
 * alarms of different stages have different names.
 */
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
      // CloudWatch's function FILL needs at least one evaluated period with data, so the alarm evaluates twice as many periods.
      // If none of them has data, the alarm keeps its state
      // (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html).
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
  if (!firstId || !first) throw new Error(`the alarm ${name} has neither metrics nor a query: add one of the two`);
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

/**
 * Returns a metric that the functions of the stage record. The compiler rejects the name of a metric that neither the
 * toolkit nor the service defines.
 */
export type MetricOf<T extends MetricTable = typeof toolkitMetrics> = <N extends MetricName<T>>(
  name: N,
  statistic: string,
  ...dimensions: DimensionArguments<T, N>
) => Metric;

export const ownMetric =
  <T extends MetricTable = typeof toolkitMetrics>(service: string, stageName: string): MetricOf<T> =>
  (name, statistic, ...[dimensions]) => ({
    namespace: declared.metricsNamespace,
    name,
    statistic,
    dimensions: { service, stage: stageName, ...dimensions },
  });
