import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';

import type { Problem } from './problem.ts';
import type { RequestFacts } from './request.ts';
import type { HttpSettings } from './settings.ts';

/**
 * The response of a handler. A `body` of bytes is sent unchanged, and needs the header `content-type`. Every other
 * `body` is sent as JSON.
 */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export const ok = (body: unknown): Answer => ({ status: 200, body });

/**
 * The security headers of every response: browsers must not cache, embed or render the response. A handler that answers
 * with a page replaces the content security policy.
 */
const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
};

/** Converts a response to API Gateway's payload format 2.0. */
export const toResult = (
  { status, body, headers }: Answer,
  { id, headers: { origin } }: Pick<RequestFacts, 'id' | 'headers'>,
  settings: Pick<HttpSettings, 'CORS_ORIGINS'>,
): APIGatewayProxyStructuredResultV2 => ({
  statusCode: status,
  headers: {
    'content-type': body instanceof Uint8Array ? 'application/octet-stream' : 'application/json',
    ...securityHeaders,
    'x-request-id': id,
    ...corsHeaders(settings, origin),
    ...headers,
  },
  ...(body instanceof Uint8Array
    ? { body: Buffer.from(body).toString('base64'), isBase64Encoded: true }
    : { body: JSON.stringify(body) }),
});

function corsHeaders(
  { CORS_ORIGINS }: Pick<HttpSettings, 'CORS_ORIGINS'>,
  origin: string | undefined,
): Record<string, string> {
  if (!CORS_ORIGINS) return {};
  if (!origin || !CORS_ORIGINS.split(',').includes(origin)) return { vary: 'origin' };
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'location, retry-after, x-request-id',
    vary: 'origin',
  };
}

/**
 * Converts a problem to an HTTP response (RFC 9457). The member `instance` of the response is the request id, which is
 * also in the log.
 */
export function problemAnswer(
  { problem, kind, message, members, challenge }: Problem,
  { requestId, urnNamespace }: { readonly requestId: string; readonly urnNamespace: string },
): Answer {
  const { status, title, retryAfterSeconds } = kind;
  return {
    status,
    body: {
      type: `urn:${urnNamespace}:problem:${problem}`,
      status,
      title,
      detail: message,
      instance: `urn:${urnNamespace}:request:${encodeURIComponent(requestId)}`,
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

/**
 * Returns the value of the response header `WWW-Authenticate`: the scheme `Bearer` (RFC 6750) for tokens, and our own
 * scheme `StandardWebhooks` for webhook signatures.
 */
function challengeOf(problem: string, challenge: string | undefined): string {
  const scheme = bearerErrors[problem] ?? 'StandardWebhooks';
  return challenge ? `${scheme}, ${challenge}` : scheme;
}
