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

/** For browsers: an answer is data, for whoever asked, and never a page. */
const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
};

/** An answer as API Gateway wants it (payload format 2.0); `about` are headers that every answer to this request has. */
export const toResult = (
  { status, body, headers }: Answer,
  requestId: string,
  about: Readonly<Record<string, string>>,
): APIGatewayProxyStructuredResultV2 => ({
  statusCode: status,
  headers: {
    'content-type': 'application/json',
    ...securityHeaders,
    'x-request-id': requestId,
    ...about,
    ...headers,
  },
  body: JSON.stringify(body),
});

/** A problem as an answer (RFC 9457). Its `instance` names the request, by the id that the log has too. */
export function problemAnswer({ problem, kind, message, members, challenge }: Problem, requestId: string): Answer {
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
      ...((status === 401 || status === 403) && { 'www-authenticate': challengeOf(problem, challenge) }),
    },
  };
}

const bearerErrors: Readonly<Record<string, string>> = {
  'no-token': 'Bearer',
  'invalid-token': 'Bearer error="invalid_token"',
  'token-expired': 'Bearer error="invalid_token"',
  'insufficient-scope': 'Bearer error="insufficient_scope"',
};

/** As RFC 6750 has it for tokens; for signatures there is no registered scheme. */
function challengeOf(problem: string, challenge: string | undefined): string {
  const scheme = bearerErrors[problem] ?? 'StandardWebhooks';
  return challenge ? `${scheme}, ${challenge}` : scheme;
}
