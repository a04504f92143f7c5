import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

import { decodeSpans } from './otlp.ts';
import { createTraceStore, type TraceStore } from './trace-store.ts';

const MAX_BODY_BYTES = 8 * 1024 * 1024;
const MAX_LISTED = 200;
const DEFAULT_LISTED = 50;

export interface TraceReceiver {
  /** The base URL of the receiver. OTLP exporters add `/v1/traces` to this URL. */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/**
 * Starts an HTTP server on 127.0.0.1 that receives spans over OTLP and keeps the latest traces. `GET /traces` lists
 * these traces, and `GET /traces/{id}` returns the spans that belong to a trace id, message id or order id.
 */
export async function startTraceReceiver(store: TraceStore = createTraceStore()): Promise<TraceReceiver> {
  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (request.method === 'POST' && pathname === '/v1/traces') {
      store.add(decodeSpans(await bodyOf(request)));
      // An empty protobuf message means that all spans were accepted.
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      return;
    }
    if (request.method === 'GET' && pathname === '/traces') {
      const limit = Number(searchParams.get('limit') ?? DEFAULT_LISTED);
      return sendJson(response, 200, {
        traces: store.latest(Math.min(Math.max(limit || DEFAULT_LISTED, 1), MAX_LISTED)),
      });
    }
    const [, id] = /^\/traces\/([^/]+)$/.exec(pathname) ?? [];
    if (request.method === 'GET' && id !== undefined)
      return sendJson(response, 200, { spans: store.find(decodeURIComponent(id)) });
    sendJson(response, 404, { error: `no such route: ${request.method} ${pathname}` });
  }

  const server = createServer((request, response) => {
    respond(request, response).catch((error: unknown) => {
      const status = error instanceof TooLargeError ? 413 : 400;
      if (!response.headersSent) sendJson(response, status, { error: (error as Error).message });
      else response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class TooLargeError extends Error {}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES)
      throw new TooLargeError(`the body of a trace export request exceeds the limit of ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (request.headers['content-encoding'] !== 'gzip') return body;
  return promisify(gunzip)(body, { maxOutputLength: MAX_BODY_BYTES });
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
