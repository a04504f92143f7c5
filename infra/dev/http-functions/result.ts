import { problems, type ProblemKind, type ProblemName } from '../../../lib/http/problems.ts';
import type { InvocationResult } from '../../emulator/environment.ts';

/** A function's result in payload format 2.0 of API Gateway's HTTP APIs. */
export interface HttpResult {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

/**
 * Converts a function's result into a response as API Gateway does; a failed function becomes a 500. On AWS the body is
 * `{"message":"Internal Server Error"}`; here the body is a problem that describes the error.
 */
export function httpResult(functionKey: string, requestId: string, result: InvocationResult | undefined): HttpResult {
  const problem = (name: ProblemName, detail: string) => problemResult(name, detail, requestId);
  if (!result) return problem('overloaded', `The function "${functionKey}" is busy with other requests.`);
  if (result.outcome !== 'success')
    return problem('internal-error', `The function "${functionKey}" failed: ${result.error}`);
  const value: unknown = JSON.parse(result.resultJson);
  if (typeof value !== 'object' || value === null || !('statusCode' in value))
    // API Gateway uses a result without a status code as the body.
    return { statusCode: 200, headers: { 'content-type': 'application/json' }, body: result.resultJson };
  const { statusCode, body } = value as { statusCode: unknown; body?: unknown };
  const isResponse =
    Number.isInteger(statusCode) && Number(statusCode) >= 200 && Number(statusCode) <= 599 && isBody(body);
  return isResponse
    ? (value as HttpResult)
    : problem('internal-error', `The function "${functionKey}" returned a result that is not an HTTP response.`);
}

const isBody = (body: unknown) => body === undefined || body === null || typeof body === 'string';

/** A problem response as defined in RFC 9457. */
export function problemResult(name: ProblemName, detail: string, requestId: string): HttpResult {
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
      type: `urn:surehop:problem:${name}`,
      status,
      title,
      detail,
      instance: `urn:surehop:request:${encodeURIComponent(requestId)}`,
    }),
  };
}
