import { request } from 'node:http';

import type { HttpResult } from './result.ts';

const TIMEOUT_MS = 30_000;

/** The parts of a request in API Gateway's payload format 2.0 that `forward` sends to a local server. */
export interface Forwarded {
  readonly rawPath?: string;
  readonly requestContext?: { readonly http?: { readonly method?: string } };
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | null;
  readonly isBase64Encoded?: boolean;
}

/**
 * Returns the URL of the local server to which a function under `npm start` forwards requests with this path, or
 * `undefined` if the function answers these requests itself.
 */
export function forwardedTo(path: string): string | undefined {
  const { SUREHOP_METRICS_URL, SUREHOP_CONSOLE_URL } = process.env;
  if (path === '/metrics') return SUREHOP_METRICS_URL;
  return /^\/console\/(session$|dev\/)/.test(path) ? SUREHOP_CONSOLE_URL : undefined;
}

/** Forwards a request with its method, headers and body to a local server, and returns the response of the server. */
export function forward(event: Forwarded, server: string): Promise<HttpResult> {
  const { rawPath = '/', requestContext, headers, body, isBase64Encoded } = event;
  const { 'transfer-encoding': _, connection: _connection, ...kept } = headers ?? {};
  const bytes = Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8');
  return new Promise((resolve, reject) => {
    const forwarded = request(server, {
      path: rawPath,
      method: requestContext?.http?.method ?? 'GET',
      headers: { ...kept, 'content-length': bytes.length },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    forwarded.once('error', reject).once('response', (response) => {
      const chunks: Buffer[] = [];
      response
        .on('data', (chunk: Buffer) => void chunks.push(chunk))
        .once('error', reject)
        .once('end', () => {
          const names = ['content-type', 'cache-control', 'cross-origin-resource-policy', 'x-content-type-options'];
          const own = names.flatMap((name) => {
            const value = response.headers[name];
            return typeof value === 'string' ? [[name, value] as const] : [];
          });
          resolve({
            statusCode: response.statusCode ?? 502,
            headers: Object.fromEntries(own),
            body: Buffer.concat(chunks).toString(),
          });
        });
    });
    forwarded.end(bytes);
  });
}
