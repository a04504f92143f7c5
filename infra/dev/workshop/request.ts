import { randomUUID } from 'node:crypto';
import type { HttpHandler } from 'surehop/http';

import { signedHeaders, signingSecret } from '../runtime/sign.ts';

/** An HTTP request to a function of the service. `workshop()` signs the request with the signing secret of a client. */
export interface SignedRequest {
  /** The method and the path template of the route, such as `POST /payments`. */
  readonly route: string;
  /** The values of the parameters in the route's path template, by the name of the parameter. */
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body, which is sent as JSON. */
  readonly body?: unknown;
  /** The idempotency key. By default, each request has a new key. */
  readonly key?: string;
}

/** The response of an HTTP function, with its body decoded from JSON. */
export interface Response {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | number | boolean>>;
  readonly body: unknown;
}

const HOST = 'api.example.com';

/** Invokes an HTTP function with a signed request, as an HTTP API of API Gateway does (payload format 2.0). */
export async function sendSigned(
  environment: Readonly<Record<string, string>>,
  handler: HttpHandler,
  { route, path = {}, query = {}, headers = {}, body, key = randomUUID() }: SignedRequest,
): Promise<Response> {
  const [method = 'GET', template = '/'] = route.split(' ');
  const rawPath = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ''));
  const text = body === undefined ? '' : JSON.stringify(body);
  const requestId = randomUUID();
  const result = await handler(
    {
      version: '2.0',
      routeKey: route,
      rawPath,
      rawQueryString: new URLSearchParams(query).toString(),
      headers: { host: HOST, ...signedHeaders(text, { key, secret: signingSecret(environment) }), ...headers },
      queryStringParameters: { ...query },
      pathParameters: { ...path },
      requestContext: {
        accountId: '000000000000',
        apiId: 'api',
        domainName: HOST,
        domainPrefix: 'api',
        http: { method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'workshop' },
        requestId,
        routeKey: route,
        stage: '$default',
        time: '',
        timeEpoch: Date.now(),
      },
      ...(text !== '' && { body: text }),
      isBase64Encoded: false,
    },
    { awsRequestId: requestId },
  );
  return {
    status: result.statusCode,
    headers: result.headers ?? {},
    body: JSON.parse(result.body || 'null') as unknown,
  };
}
