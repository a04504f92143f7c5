import { defineMetrics } from 'surehop';

/** The possible outcomes of an invocation by the local event source. */
export const INVOCATION_OUTCOMES = ['success', 'error', 'timeout', 'crash'] as const;

/** The metrics of the local event source. On AWS, Lambda records such metrics itself, in the namespace AWS/Lambda. */
export const eventSourceMetrics = defineMetrics({
  EventSourceInvocations: {
    layer: 'infrastructure',
    kind: 'counter',
    unit: 'Count',
    dimensions: ['queue', 'outcome'],
    meaning:
      'batches that the local event source has passed to a function; on AWS, see Invocations and Errors of Lambda',
  },
  EventSourceDuration: {
    layer: 'infrastructure',
    kind: 'histogram',
    unit: 'Milliseconds',
    dimensions: ['queue'],
    meaning: 'duration of an invocation by the local event source; on AWS, see Duration of Lambda',
  },
});

/** The log line that the local event source writes after each invocation. */
export interface EventSourceReport {
  readonly queue: string;
  readonly durationMs: number;
  readonly outcome: string;
}

/**
 * Returns whether a line of the service's output is the log line that the local event source writes after an
 * invocation.
 */
export const isReport = (line: string): boolean => line.startsWith('{') && line.includes('"message":"REPORT"');

/** Returns the metrics of an invocation from the log line of the local event source. */
export const readReport = (
  { queue, durationMs, outcome }: EventSourceReport,
  source: Readonly<Record<string, string>>,
) => [
  { name: 'EventSourceInvocations', labels: { ...source, queue, outcome }, values: [1] },
  { name: 'EventSourceDuration', labels: { ...source, queue }, values: [durationMs] },
];
