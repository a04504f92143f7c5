import { randomUUID } from 'node:crypto';

import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';

import { nextSpan } from '../events/trace.ts';
import type { Surehop } from '../runtime/surehop.ts';

/** A request whose parts fit their schemas. */
export interface Request<Body = unknown, Path = unknown, Query = unknown> extends RequestFacts {
  readonly body: Body;
  readonly path: Path;
  readonly query: Query;
  readonly surehop: Surehop;
  /** Who is asking: whose key signed, or whom the token names; `public` where anybody may. */
  readonly client: string;
  /** Aborted when the answer is due. */
  readonly signal: AbortSignal;
  /** Adds ids to the one line that the log has of this request. */
  note(ids: Readonly<Record<string, unknown>>): void;
}

/** What can be told of a request before anything in it is verified. */
export interface RequestFacts {
  readonly id: string;
  readonly method: string;
  readonly route: string;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the authorizer of API Gateway has read from the token, where there is one. */
  readonly verifiedClaims?: Readonly<Record<string, unknown>>;
  /** This request's own span, in the caller's trace where it named one. */
  readonly traceparent: string;
  readonly tracestate?: string;
  /** Milliseconds until the answer is due. */
  remainingMs(): number;
}

/** Of the time until the function is stopped, what is kept back for the answer. */
const ANSWER_MS = 500;

export function factsOf(
  event: APIGatewayProxyEventV2,
  context: Partial<Context> | undefined,
  deadlineMs: number,
): RequestFacts {
  const startedAtMs = performance.now();
  const headers = headersOf(event);
  return {
    id: context?.awsRequestId || randomUUID(),
    method: event.requestContext?.http?.method ?? '',
    route: event.routeKey || '$default',
    headers,
    verifiedClaims: claimsOf(event),
    ...nextSpan(headers),
    remainingMs: () =>
      Math.min(
        (context?.getRemainingTimeInMillis?.() ?? Infinity) - ANSWER_MS,
        deadlineMs - (performance.now() - startedAtMs),
      ),
  };
}

/** By name in lower case; one that came several times is one, with commas, as API Gateway itself writes it. */
function headersOf({ headers }: APIGatewayProxyEventV2): Record<string, string> {
  const byName = new Map<string, string>();
  for (const [given, value] of Object.entries(headers ?? {})) {
    if (value === undefined) continue;
    const name = given.toLowerCase();
    const before = byName.get(name);
    byName.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(byName);
}

function claimsOf({ requestContext }: APIGatewayProxyEventV2): Readonly<Record<string, unknown>> | undefined {
  const { authorizer } = (requestContext ?? {}) as { authorizer?: { jwt?: { claims?: Record<string, unknown> } } };
  return authorizer?.jwt?.claims;
}
