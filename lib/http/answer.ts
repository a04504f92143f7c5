import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';

import type { Problem } from './problem.ts';

/** What a handler answers. */
export interface Answer {
  readonly status: number;
  /** Written as JSON. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export const ok = (body: unknown): Answer => ({ status: 200, body });

/** An answer as API Gateway wants it (payload format 2.0). */
export const toResult = ({ status, body, headers }: Answer, requestId: string): APIGatewayProxyStructuredResultV2 => ({
  statusCode: status,
  headers: {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'x-request-id': requestId,
    ...headers,
  },
  body: JSON.stringify(body),
});

/** A problem as an answer (RFC 9457). Its `instance` names the request, by the id that the log has too. */
export function problemAnswer({ problem, kind, message, members }: Problem, requestId: string): Answer {
  const { status, title, retryAfterSeconds } = kind;
  return {
    status,
    body: {
      type: `urn:surehop:problem:${problem}`,
      status,
      title,
      detail: message,
      instance: `urn:surehop:request:${encodeURIComponent(requestId)}`,
      ...members,
    },
    headers: {
      'content-type': 'application/problem+json',
      ...(retryAfterSeconds && { 'retry-after': String(retryAfterSeconds) }),
    },
  };
}
