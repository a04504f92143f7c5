import { createRequire } from 'node:module';
import { STATUS_CODES } from 'node:http';
import { problemResult, type HttpResult, type ProblemSource } from './result.ts';

/** The parts of hapi, the HTTP server of serverless-offline, that this module uses. */
interface Hapi {
  Server: (options: unknown) => HapiServer;
}

interface HapiServer {
  ext: (event: string, method: ResponseMethod, options?: unknown) => void;
}

type ResponseMethod = (request: HapiRequest, toolkit: HapiToolkit) => unknown;

interface HapiRequest {
  readonly info: { readonly id: string };
  readonly headers: { readonly origin?: string };
  readonly response: {
    readonly isBoom?: boolean;
    readonly message?: string;
    readonly output?: { statusCode: number };
    /**
     * Sets the parameter `charset` in the Content-Type header of the response. Error responses (`isBoom`) do not have
     * this method.
     */
    charset?(name: string): void;
  };
}

interface HapiToolkit {
  readonly continue: symbol;
  response(body: string): HapiResponse;
}

interface HapiResponse {
  code(status: number): HapiResponse;
  header(name: string, value: string): HapiResponse;
}

/**
 * Makes hapi answer with a problem document when hapi itself rejects a request. Also restricts the CORS headers of
 * serverless-offline, which allow every origin, to the origins in CORS_ORIGINS.
 */
export function answerServerErrorsWithProblems(serviceDirectory: string, urnNamespace: string): void {
  const offline = createRequire(`${serviceDirectory}/`).resolve('serverless-offline');
  const hapi = createRequire(offline)('@hapi/hapi') as Hapi;
  const { Server } = hapi;
  hapi.Server = function (options) {
    const server = Server(options);
    server.ext('onPreResponse', ({ info, response }, toolkit) => {
      if (!response.isBoom || response.output === undefined) {
        // API Gateway sends the content type without changing it, whereas hapi would append "; charset=utf-8".
        response.charset?.('');
        return toolkit.continue;
      }
      const {
        statusCode,
        headers = {},
        body = '',
      } = serverError(response.output.statusCode, { requestId: info.id, urnNamespace }, response.message);
      const answer = toolkit.response(body).code(statusCode);
      for (const [name, value] of Object.entries(headers)) answer.header(name, value);
      return answer;
    });
    const ext = server.ext.bind(server);
    server.ext = (event, method, ...more) =>
      ext(
        event,
        event === 'onPreResponse'
          ? (request, toolkit) =>
              isAllowedOrigin(request.headers.origin) ? method(request, toolkit) : toolkit.continue
          : method,
        ...more,
      );
    return server;
  };
}

/**
 * Returns whether serverless-offline may add its CORS headers to a response, so that pages of the given origin can read
 * the response.
 */
const isAllowedOrigin = (origin: string | undefined): boolean =>
  origin !== undefined && (process.env['CORS_ORIGINS'] ?? '').split(',').includes(origin);

/** Returns the problem document for an error of the HTTP server itself. */
function serverError(status: number, source: ProblemSource, reason: string | undefined): HttpResult {
  if (status === 413) return problemResult('body-too-large', 'The body is larger than API Gateway accepts.', source);
  if (status === 404) return problemResult('not-found', 'No route matches the request.', source);
  const title = STATUS_CODES[status] ?? 'Error';
  // RFC 9457 defines the type about:blank for problems that have no more meaning than their status.
  const body = { type: 'about:blank', status, title, detail: reason ?? title };
  return {
    statusCode: status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-request-id': source.requestId,
    },
    body: JSON.stringify(body),
  };
}
