import { log } from '../runtime/log.ts';
import { count, duration } from '../runtime/metrics.ts';
import { toLoggable } from '../runtime/stack.ts';
import { traceIdOf } from '../events/trace.ts';
import { describeProblem, type Problem } from './problem.ts';
import type { RequestFacts } from './request.ts';

/** What a handler may add to the line of a request: ids and figures, nothing that a client made up. */
const NOTABLE = [
  'orderId',
  'messageId',
  'deadLetterId',
  'sku',
  'available',
  'redriven',
  'skipped',
  'failed',
  'more',
  'away',
  'notCounted',
  'progressUnknown',
] as const;

/** What happened to a request. */
interface Happened {
  readonly status: number;
  readonly tookMs: number;
  readonly client: string | undefined;
  readonly noted: Readonly<Record<string, unknown>>;
  readonly problem: Problem | undefined;
}

/** One line a request, of what is listed here and nothing else: no body, no header, no query. */
export function tell(
  { id, method, route, traceparent }: RequestFacts,
  { status, tookMs, client, noted, problem }: Happened,
): void {
  const about = {
    requestId: id,
    method,
    route,
    status,
    durationMs: Math.round(tookMs),
    traceId: traceIdOf(traceparent),
    client,
    ...Object.fromEntries(NOTABLE.flatMap((name) => (noted[name] === undefined ? [] : [[name, noted[name]]]))),
    ...(problem && describeProblem(problem)),
  };
  if (problem?.kind.status === 500) log().error('request failed', { ...about, error: toLoggable(problem.cause) });
  else if (status >= 500) log().warn('request answered', about);
  else log().info('request answered', about);
  count('Requests', 1, { route, status: String(status) });
  duration('RequestDuration', tookMs, { route });
}
