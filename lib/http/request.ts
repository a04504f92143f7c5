import { randomUUID } from 'node:crypto';

import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';

import { fromXRay, nextSpan, readTrace } from '../events/trace.ts';
import type { Surehop } from '../runtime/surehop.ts';
import type { Span, Tracing } from '../runtime/tracing.ts';
import { Problem } from './problem.ts';

/** An HTTP request whose body and parameters have been validated. */
export interface Request<Body = unknown, Path = unknown, Query = unknown> extends RequestFacts {
  readonly body: Body;
  readonly path: Path;
  readonly query: Query;
  readonly surehop: Surehop;
  /** The caller: the client that owns the signing key, the subject of the operator's token, or `public`. */
  readonly client: string;
  /** A signal that aborts at the deadline for the HTTP response. */
  readonly signal: AbortSignal;
  /** Adds fields, such as ids and counts, to the log line of the request. Never pass personal data or secrets. */
  note(fields: Readonly<Record<string, unknown>>): void;
}

/** The data of an HTTP request that is available before the request is authenticated and validated. */
export interface RequestFacts {
  readonly id: string;
  readonly method: string;
  readonly route: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The claims of the operator's token, if API Gateway's authorizer has verified the token. */
  readonly verifiedClaims?: Readonly<Record<string, unknown>>;
  /**
   * The trace context of this request as a `traceparent` header. It continues the caller's trace if the request
   * contains one.
   */
  readonly traceparent: string;
  readonly tracestate?: string;
  readonly baggage?: string;
  /** Returns the number of milliseconds until the HTTP response is due. */
  remainingMs(): number;
}

/** How much time is reserved for sending the HTTP response before Lambda stops the function, in ms. */
const RESPONSE_MS = 500;

/**
 * Returns the data of an HTTP request that is available before authentication, and the span of the request if spans are
 * recorded.
 */
export function factsOf(
  event: APIGatewayProxyEventV2,
  context: Partial<Context> | undefined,
  deadlineMs: number,
  tracing: Tracing | undefined,
): { readonly facts: RequestFacts; readonly span: Span | undefined } {
  const startedAtMs = performance.now();
  const headers = headersOf(event);
  const { traceparent = fromXRay(headers['x-amzn-trace-id']), tracestate, baggage } = headers;
  const caller = readTrace({ traceparent, tracestate, baggage });
  const method = event.requestContext?.http?.method ?? '';
  const route = event.routeKey || '$default';
  const span = tracing?.start({
    name: route,
    kind: 'server',
    parent: caller,
    attributes: {
      'http.request.method': method,
      'http.route': route.slice(route.indexOf(' ') + 1),
      'url.path': event.rawPath,
      'url.scheme': 'https',
    },
  });
  const facts = {
    id: context?.awsRequestId || randomUUID(),
    method,
    route,
    headers,
    verifiedClaims: claimsOf(event),
    ...(span?.trace ?? nextSpan(caller)),
    remainingMs: () =>
      Math.min(
        (context?.getRemainingTimeInMillis?.() ?? Infinity) - RESPONSE_MS,
        deadlineMs - (performance.now() - startedAtMs),
      ),
  };
  return { facts, span };
}

/**
 * Returns the headers of the request with their names in lower case. The values of a repeated header are joined with
 * commas, as API Gateway does.
 */
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

/**
 * The maximum total size of a request's headers, in bytes. API Gateway has the same limit
 * (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html).
 */
const MAX_HEADERS_BYTES = 10_240;
const MAX_HEADERS = 100;

/**
 * Throws a `Problem` if a request has more than `MAX_HEADERS` headers, or if the headers together are larger than
 * `MAX_HEADERS_BYTES`.
 */
export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  const all = Object.entries(headers);
  const bytes = all.reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value), 0);
  if (bytes > MAX_HEADERS_BYTES || all.length > MAX_HEADERS)
    throw new Problem(
      'headers-too-large',
      `Send at most ${MAX_HEADERS} headers with at most ${MAX_HEADERS_BYTES} bytes together.`,
    );
}
