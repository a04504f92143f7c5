import { spanOf } from '../events/trace.ts';
import { log } from '../runtime/log.ts';
import { recordMetrics, recordCollected } from '../runtime/metrics.ts';
import { toLoggable } from '../runtime/stack.ts';
import { describeProblem, type Problem } from './problem.ts';
import type { RequestFacts } from './request.ts';

interface Outcome {
  readonly status: number;
  readonly tookMs: number;
  readonly client: string | undefined;
  readonly noted: Readonly<Record<string, unknown>>;
  readonly problem: Problem | undefined;
}

/** Writes one log line and the metrics of a request. Request bodies, headers and query strings are never logged. */
export function recordTelemetry(
  { id, method, route, traceparent }: RequestFacts,
  { status, tookMs, client, noted, problem }: Outcome,
): void {
  const about = {
    requestId: id,
    method,
    route,
    status,
    durationMs: Math.round(tookMs),
    ...spanOf(traceparent),
    client,
    ...noted,
    ...(problem && describeProblem(problem)),
  };
  if (problem?.kind.status === 500) log().error('request failed', { ...about, error: toLoggable(problem.cause) });
  else if (status >= 500) log().warn('request answered', about);
  else log().info('request answered', about);
  const { traceId } = spanOf(traceparent);
  recordMetrics(
    { Requests: { values: 1, traceId }, RequestDuration: { values: tookMs, traceId } },
    { route, status: String(status) },
  );
  recordCollected(traceId);
}
