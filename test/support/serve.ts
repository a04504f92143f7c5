import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { HttpHandler } from '../../lib/http/endpoint.ts';
import { call } from './request.ts';

export interface Served {
  readonly url: string;
  stop(): Promise<void>;
}

/** Serves functions at their routes, such as `GET /dead-letters/{id}`. Routes without a parameter have precedence. */
export async function serve(routes: Readonly<Record<string, HttpHandler>>): Promise<Served> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
      const wanted = `${request.method} ${pathname}`;
      const [route, handler] = Object.entries(routes).find(([template]) => patternOf(template).test(wanted)) ?? [];
      if (!route || !handler) return response.writeHead(404).end();
      const body = Buffer.concat(chunks).toString();
      void call(handler, {
        route,
        path: { ...patternOf(route).exec(wanted)?.groups },
        ...(searchParams.size > 0 && { query: Object.fromEntries(searchParams) }),
        headers: request.headers as Record<string, string>,
        ...(body && { raw: body }),
      }).then(({ status, body: answer }) =>
        response.writeHead(status!, { 'content-type': 'application/json' }).end(JSON.stringify(answer)),
      );
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

const patternOf = (route: string) => new RegExp(`^${route.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
