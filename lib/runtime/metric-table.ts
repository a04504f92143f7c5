/**
 * What a metric describes: `infrastructure` for the broker and its queues, `application` for the Lambda functions, and
 * `business` for results that users of the service notice.
 */
type Layer = 'infrastructure' | 'application' | 'business';

/** The units of metrics, as CloudWatch names the units. */
type Unit = 'Count' | 'Milliseconds' | 'Percent' | 'None';

/** The properties of a metric that a function must know in order to record values of the metric. */
export interface RecordedMetric {
  /** `counter` for events that are added up, `gauge` for a current value, `histogram` for values whose percentiles matter. */
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly unit: Unit;
  /** The names of the dimensions that every value of the metric has, in addition to `service` and `stage`. */
  readonly dimensions: readonly string[];
}

/** The definition of a metric that functions record. */
export interface MetricDefinition extends RecordedMetric {
  readonly layer: Layer;
  readonly meaning: string;
}

export type RecordedTable = Readonly<Record<string, RecordedMetric>>;

/** The definitions of metrics by their CloudWatch names, such as `BatchSize`. */
export type MetricTable = Readonly<Record<string, MetricDefinition>>;

/**
 * Defines the metrics that a service records itself. Their names must differ from the names of the toolkit's metrics.
 */
export const defineMetrics = <const T extends MetricTable>(table: T): T => table;

export type DimensionArguments<T extends RecordedTable, N extends MetricName<T>, Value = string> = [
  T[N]['dimensions'][number],
] extends [never]
  ? []
  : [Readonly<Record<T[N]['dimensions'][number], Value>>];

export type MetricName<T extends RecordedTable> = keyof T & string;
