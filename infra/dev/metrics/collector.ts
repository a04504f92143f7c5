import { Counter, Gauge, Histogram, Registry, type OpenMetricsContentType } from 'prom-client';
import type { MetricDefinition, MetricTable } from 'surehop';

import { isMetricLine } from '../runtime/log-line.ts';
import { isReport, readReport, type EventSourceReport } from './event-source.ts';
import { prometheusName, prometheusValue } from './prometheus-names.ts';

const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];
const COUNT_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000];

const STALE_AFTER_MS = 150_000;

/** The metrics of a running service as Prometheus reads them. */
export interface Collector {
  readonly contentType: string;
  /**
   * Reads a line of the service's output, and adds the metrics in this line to the collected metrics. Ignores lines
   * without metrics.
   */
  readonly observe: (line: string) => void;
  /** Returns all metrics in the OpenMetrics text format. */
  readonly text: () => Promise<string>;
}

type Labels = Readonly<Record<string, string>>;

export type KnownValues = Readonly<Record<string, readonly string[]>>;

interface Series {
  readonly definition: MetricDefinition;
  /** Adds a value to the metric. `traceId` is the trace in which the value occurred. */
  readonly add: (labels: Labels, value: number, traceId?: string) => void;
  readonly zero: (labels: Labels) => void;
  readonly expire: () => void;
}

interface CollectorOptions {
  /** The values of the dimensions `service` and `stage` of all metrics. */
  readonly source: { readonly service: string; readonly stage: string };
  /**
   * The known values of each dimension. The collector starts a series at 0 for each known value, because Prometheus
   * would not count the first event of a series that starts at 1.
   */
  readonly known?: KnownValues;
  readonly now?: () => number;
}

/**
 * Creates a collector that reads metrics from the output of a service. The collector ignores metrics that are not
 * defined in `table`.
 */
export function createCollector(
  table: MetricTable,
  { source, known = {}, now = Date.now }: CollectorOptions,
): Collector {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const all = new Map(
    Object.entries(table).map(([name, definition]) => [name, series(name, definition, registry, now)]),
  );
  for (const { definition, zero } of all.values())
    for (const labels of combinations(definition.dimensions, known)) zero({ ...source, ...labels });
  return {
    contentType: registry.contentType,
    observe: (line) => {
      for (const { name, labels, values, traceId } of readMetrics(line, source)) {
        const found = all.get(name);
        const largest = Math.max(...values);
        for (const value of values)
          found?.add(labels, prometheusValue(value, found.definition), value === largest ? traceId : undefined);
      }
    },
    text: () => {
      for (const { expire } of all.values()) expire();
      return registry.metrics();
    },
  };
}

const combinations = (dimensions: readonly string[], known: KnownValues): Labels[] =>
  dimensions.reduce<Labels[]>(
    (all, dimension) =>
      all.flatMap((labels) => (known[dimension] ?? []).map((value) => ({ ...labels, [dimension]: value }))),
    [{}],
  );

function series(
  metric: string,
  definition: MetricDefinition,
  registry: Registry<OpenMetricsContentType>,
  now: () => number,
): Series {
  const { kind, unit, layer, meaning, dimensions } = definition;
  const options = {
    name: prometheusName(metric, definition),
    help: meaning,
    labelNames: ['service', 'stage', ...dimensions],
    registers: [registry],
  };
  const exemplar = (traceId: string | undefined) => (traceId ? { exemplarLabels: { trace_id: traceId } } : {});
  const neverExpires = () => {};
  if (kind === 'counter') {
    const counter = new Counter({ ...options, enableExemplars: true });
    return {
      definition,
      add: (labels, value, traceId) => counter.inc({ labels, value, ...exemplar(value > 0 ? traceId : undefined) }),
      zero: (labels) => counter.inc({ labels, value: 0 }),
      expire: neverExpires,
    };
  }
  if (kind === 'histogram') {
    const buckets = unit === 'Count' ? COUNT_BUCKETS : DURATION_BUCKETS;
    const histogram = new Histogram({ ...options, buckets, enableExemplars: true });
    return {
      definition,
      add: (labels, value, traceId) => histogram.observe({ labels, value, ...exemplar(traceId) }),
      zero: (labels) => histogram.zero(labels),
      expire: neverExpires,
    };
  }
  const gauge = new Gauge(options);
  const reported = new Map<string, { labels: Labels; atMs: number }>();
  return {
    definition,
    add: (labels, value) => {
      gauge.set(labels, value);
      if (layer === 'infrastructure') reported.set(JSON.stringify(labels), { labels, atMs: now() });
    },
    // The broker and the queues have no known state before the first report.
    zero: (labels) => {
      if (layer !== 'infrastructure') gauge.set(labels, 0);
    },
    expire: () => {
      for (const [key, { labels, atMs }] of reported) {
        if (now() - atMs <= STALE_AFTER_MS) continue;
        gauge.remove(labels);
        reported.delete(key);
      }
    },
  };
}

interface Recorded {
  readonly name: string;
  readonly labels: Labels;
  readonly values: readonly number[];
  readonly traceId?: string | undefined;
}

function readMetrics(line: string, source: CollectorOptions['source']): Recorded[] {
  if (!isMetricLine(line) && !isReport(line)) return [];
  try {
    if (isReport(line)) return readReport(JSON.parse(line) as EventSourceReport, source);
    const entry = JSON.parse(line) as Embedded;
    return entry._aws.CloudWatchMetrics.flatMap(({ Dimensions: [names = []], Metrics }) =>
      Metrics.map(({ Name }) => ({
        name: Name,
        labels: Object.fromEntries(names.map((name) => [name, String(entry[name])])),
        values: [entry[Name]].flat().filter((value) => typeof value === 'number'),
        traceId: entry[`${Name}TraceId`] as string | undefined,
      })),
    );
  } catch {
    // The line is incomplete if its process was killed while it wrote the line.
    return [];
  }
}

interface Embedded {
  readonly [name: string]: unknown;
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string }[];
    }[];
  };
}
