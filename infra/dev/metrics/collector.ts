import { Counter, Gauge, Histogram, Registry, type OpenMetricsContentType } from 'prom-client';
import type { MetricDefinition, MetricTable } from 'surehop';

import { prometheusName, prometheusValue } from './prometheus-names.ts';

const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];
const COUNT_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000];

/**
 * How long the collector serves a metric of the broker or of a queue without a new value, in ms. These metrics are
 * reported once a minute, and therefore a longer silence means that the reports have stopped.
 */
const STALE_AFTER_MS = 150_000;

/** The metrics of a running service as Prometheus reads them. */
export interface Collector {
  readonly contentType: string;
  /** Adds the metrics in a line of the service's output. Other lines are ignored. */
  readonly observe: (line: string) => void;
  /** Returns all metrics in the OpenMetrics text format. */
  readonly text: () => Promise<string>;
}

type Labels = Readonly<Record<string, string>>;

interface Series {
  readonly definition: MetricDefinition;
  readonly add: (labels: Labels, value: number) => void;
  readonly expire: () => void;
}

/** Creates a collector of the metrics in `table`. Metrics that are not in the table are ignored. */
export function createCollector(table: MetricTable, now: () => number = Date.now): Collector {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const all = new Map(
    Object.entries(table).map(([name, definition]) => [name, series(name, definition, registry, now)]),
  );
  return {
    contentType: registry.contentType,
    observe: (line) => {
      for (const { name, labels, values } of readEmbedded(line)) {
        const found = all.get(name);
        for (const value of values) found?.add(labels, prometheusValue(value, found.definition));
      }
    },
    text: () => {
      for (const { expire } of all.values()) expire();
      return registry.metrics();
    },
  };
}

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
  const neverExpires = () => {};
  if (kind === 'counter') {
    const counter = new Counter(options);
    return { definition, add: (labels, value) => counter.inc(labels, value), expire: neverExpires };
  }
  if (kind === 'histogram') {
    const histogram = new Histogram({ ...options, buckets: unit === 'Count' ? COUNT_BUCKETS : DURATION_BUCKETS });
    return { definition, add: (labels, value) => histogram.observe(labels, value), expire: neverExpires };
  }
  const gauge = new Gauge(options);
  const reported = new Map<string, { labels: Labels; atMs: number }>();
  return {
    definition,
    add: (labels, value) => {
      gauge.set(labels, value);
      if (layer === 'infrastructure') reported.set(JSON.stringify(labels), { labels, atMs: now() });
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
}

/** Returns the metrics in a log line in CloudWatch's embedded metric format. Any other line has no metrics. */
function readEmbedded(line: string): Recorded[] {
  if (!line.startsWith('{') || !line.includes('"_aws"')) return [];
  try {
    const entry = JSON.parse(line) as Embedded;
    return entry._aws.CloudWatchMetrics.flatMap(({ Dimensions: [names = []], Metrics }) =>
      Metrics.map(({ Name }) => ({
        name: Name,
        labels: Object.fromEntries(names.map((name) => [name, String(entry[name])])),
        values: [entry[Name]].flat().filter((value) => typeof value === 'number'),
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
