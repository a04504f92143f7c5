import { randomUUID } from 'node:crypto';

import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';

import { nextSpan } from '../events/trace.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { Problem } from './problem.ts';

/** A request whose parts have passed their schemas. */
export interface Request<Body = unknown, Path = unknown, Query = unknown> extends RequestFacts {
  readonly body: Body;
  readonly path: Path;
  readonly query: Query;
  readonly surehop: Surehop;
  /** The owner of the signing key, the subject of the token, or `public`. */
  readonly client: string;
  /** Aborted when the response is due. */
  readonly signal: AbortSignal;
  /** Adds ids and figures to the request's log line. Never pass personal data or secrets. */
  note(fields: Readonly<Record<string, unknown>>): void;
}

/** The parts of a request that need no verification. */
export interface RequestFacts {
  readonly id: string;
  readonly method: string;
  readonly route: string;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The claims of the token, if API Gateway's authorizer verified one. */
  readonly verifiedClaims?: Readonly<Record<string, unknown>>;
  /** The span of this request, within the caller's trace if the request names one. */
  readonly traceparent: string;
  readonly tracestate?: string;
  /** Milliseconds until the response is due. */
  remainingMs(): number;
}

/** Milliseconds reserved for sending the response before Lambda stops the function. */
const RESPONSE_MS = 500;

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
        (context?.getRemainingTimeInMillis?.() ?? Infinity) - RESPONSE_MS,
        deadlineMs - (performance.now() - startedAtMs),
      ),
  };
}

/** Names in lower case. Repeated headers are joined with commas, as API Gateway does. */
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

/** The same limits as API Gateway (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html). */
const MAX_HEADERS_BYTES = 10_240;
const MAX_HEADERS = 100;

/** Throws a problem if the headers are too large or too many. */
export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  const all = Object.entries(headers);
  const bytes = all.reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value), 0);
  if (bytes > MAX_HEADERS_BYTES || all.length > MAX_HEADERS)
    throw new Problem(
      'headers-too-large',
      `Send at most ${MAX_HEADERS} headers with at most ${MAX_HEADERS_BYTES} bytes together.`,
    );
}
