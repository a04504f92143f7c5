import type { APIGatewayProxyEventV2 } from 'aws-lambda';

import type { HttpHandler } from '../../lib/http/endpoint.ts';

export interface About {
  readonly route?: string;
  readonly path?: Record<string, string>;
  readonly query?: Record<string, string>;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  /** The exact text or bytes of the request body. If `raw` is present, `body` is ignored. */
  readonly raw?: string | Buffer;
  readonly authorizer?: object;
}

/** Creates the event that an HTTP API of API Gateway passes to a function (payload format 2.0). */
export function aRequest({
  route = 'POST /things',
  path,
  query,
  headers = {},
  body,
  raw,
  authorizer,
}: About = {}): APIGatewayProxyEventV2 {
  const [method = 'GET', template = '/'] = route.split(' ');
  const rawPath = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path?.[name] ?? ''));
  const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  return {
    version: '2.0',
    routeKey: route,
    rawPath,
    rawQueryString: new URLSearchParams(query).toString(),
    headers: {
      accept: '*/*',
      'content-length': String(content?.length ?? 0),
      host: 'k3v9example.execute-api.eu-central-1.amazonaws.com',
      ...(content !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(query && { queryStringParameters: query }),
    ...(path && { pathParameters: path }),
    requestContext: {
      accountId: '123456789012',
      apiId: 'k3v9example',
      ...(authorizer && { authorizer }),
      domainName: 'k3v9example.execute-api.eu-central-1.amazonaws.com',
      domainPrefix: 'k3v9example',
      http: { method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'test' },
      requestId: 'JKJaXmPLvHcESHA=',
      routeKey: route,
      stage: '$default',
      time: '22/Nov/2026:12:00:00 +0000',
      timeEpoch: 1_795_348_800_000,
    },
    ...(content !== undefined && { body: typeof content === 'string' ? content : content.toString('base64') }),
    isBase64Encoded: Buffer.isBuffer(content),
  };
}

export interface Got {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | number | boolean>>;
  // Each test knows the shape of the body that it expects.
  readonly body: any;
}

export async function call(
  handler: HttpHandler,
  about: About,
  awsRequestId: string = crypto.randomUUID(),
): Promise<Got> {
  const { statusCode, headers = {}, body = 'null' } = await handler(aRequest(about), { awsRequestId });
  return { status: statusCode, headers, body: JSON.parse(body) };
}
