import { randomUUID } from 'node:crypto';

import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';

import { nextSpan } from '../trace.ts';

/** A request whose parts fit their schemas. */
export interface Request<Body = unknown, Path = unknown, Query = unknown> extends RequestFacts {
  readonly body: Body;
  readonly path: Path;
  readonly query: Query;
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
  /** Who the authorizer says is asking; `public` where there is none. */
  readonly client: string;
  /** This request's own span, in the caller's trace where it named one. */
  readonly traceparent: string;
  readonly tracestate?: string;
  /** Milliseconds until the function is stopped. */
  remainingMs(): number;
}

/** For how long a function is taken to have where nobody says: API Gateway waits no longer. */
const GATEWAY_LIMIT_MS = 29_000;

export function factsOf(event: APIGatewayProxyEventV2, context?: Partial<Context>): RequestFacts {
  const headers = Object.fromEntries(
    Object.entries(event.headers ?? {}).flatMap(([name, value]) =>
      value === undefined ? [] : [[name.toLowerCase(), value] as const],
    ),
  );
  return {
    id: context?.awsRequestId || randomUUID(),
    method: event.requestContext?.http?.method ?? '',
    route: event.routeKey || '$default',
    headers,
    client: clientOf(event),
    traceparent: nextSpan(headers.traceparent),
    // Worth nothing without the trace that it belongs to (https://www.w3.org/TR/trace-context/#tracestate-header).
    tracestate: headers.traceparent && headers.tracestate?.slice(0, 512),
    remainingMs: () => Math.min(context?.getRemainingTimeInMillis?.() ?? GATEWAY_LIMIT_MS, GATEWAY_LIMIT_MS),
  };
}

/** The parts of `requestContext.authorizer` that name a client, by kind of authorizer. */
interface Authorizer {
  readonly jwt?: { readonly claims?: Readonly<Record<string, unknown>> };
  readonly lambda?: Readonly<Record<string, unknown>> | null;
  readonly iam?: { readonly userArn?: unknown };
}

function clientOf({ requestContext }: APIGatewayProxyEventV2): string {
  const { jwt, lambda, iam } = (requestContext as { authorizer?: Authorizer } | undefined)?.authorizer ?? {};
  const named = [lambda?.principalId, jwt?.claims?.sub, iam?.userArn];
  return named.find((name): name is string => typeof name === 'string' && name !== '') ?? 'public';
}
