import { problems, type ProblemKind, type ProblemName } from 'surehop/http';

import type { InvocationResult } from 'serverless-offline-rabbitmq/environment';

/** The result of an HTTP function in API Gateway's payload format 2.0. */
export interface HttpResult {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

export interface ProblemSource {
  readonly requestId: string;
  readonly urnNamespace: string;
}

/**
 * Converts the result of a function into an HTTP response, as API Gateway does. If the function failed, the status is
 * 500, and the body describes the error.
 */
export function httpResult(
  functionKey: string,
  result: InvocationResult | undefined,
  source: ProblemSource,
): HttpResult {
  const problem = (name: ProblemName, detail: string) => problemResult(name, detail, source);
  if (!result) return problem('overloaded', `The function "${functionKey}" is busy with other requests.`);
  if (result.outcome !== 'success')
    return problem('internal-error', `The function "${functionKey}" failed: ${result.error}`);
  const value: unknown = JSON.parse(result.resultJson);
  if (typeof value !== 'object' || value === null || !('statusCode' in value))
    // If a result has no status code, API Gateway uses the whole result as the body.
    return { statusCode: 200, headers: { 'content-type': 'application/json' }, body: result.resultJson };
  const { statusCode, body } = value as { statusCode: unknown; body?: unknown };
  const isResponse =
    Number.isInteger(statusCode) && Number(statusCode) >= 200 && Number(statusCode) <= 599 && isBody(body);
  return isResponse
    ? (value as HttpResult)
    : problem('internal-error', `The function "${functionKey}" returned a result that is not an HTTP response.`);
}

const isBody = (body: unknown) => body === undefined || body === null || typeof body === 'string';

/**
 * Returns the response that an HTTP API of API Gateway sends if its clients exceed the rate or burst limit. API Gateway
 * sends neither a problem document nor the header `Retry-After`.
 */
export const throttledResult = (requestId: string): HttpResult => ({
  statusCode: 429,
  headers: { 'content-type': 'application/json', 'apigw-requestid': requestId },
  body: '{"message":"Too Many Requests"}',
});

/** Returns an error response with a problem document (RFC 9457) as its body. */
export function problemResult(
  name: ProblemName,
  detail: string,
  { requestId, urnNamespace }: ProblemSource,
): HttpResult {
  const { status, title, retryAfterSeconds }: ProblemKind = problems[name];
  return {
    statusCode: status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-request-id': requestId,
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
    },
    body: JSON.stringify({
      type: `urn:${urnNamespace}:problem:${name}`,
      status,
      title,
      detail,
      instance: `urn:${urnNamespace}:request:${encodeURIComponent(requestId)}`,
    }),
  };
}
