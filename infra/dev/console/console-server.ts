import { createServer, STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';

import { scopes } from 'serverless-surehop/definitions';

import { parseJson } from '../client/body.ts';
import type { Broker } from '../runtime/broker/broker.ts';
import { reasonOf } from '../runtime/command-line.ts';
import { issueToken, TOKEN_SECONDS } from '../runtime/issuer.ts';
import type { TraceReceiver } from '../traces/receiver.ts';
import { createFailNext } from './fail-next.ts';
import { LOCAL_SCOPE, requireLocalOperator, requireOwnPage } from './guard.ts';
import { localActions } from './local-actions.ts';
import { Refusal } from './refusal.ts';

const MAX_BODY_BYTES = 1024 * 1024;

/** The HTTP server for the routes of the console that exist only on the developer's machine. */
export interface ConsoleServer {
  readonly url: string;
  /**
   * The URL of a module that wraps each consumer's handler and makes attempts fail when the developer has requested it.
   */
  readonly handlerWrapper: string;
  readonly stop: () => Promise<void>;
}

export interface ConsoleServerOptions {
  readonly broker: Pick<Broker, 'amqpUrl' | 'isExternal' | 'pid' | 'kill' | 'restart'>;
  readonly traces: Pick<TraceReceiver, 'url'> | undefined;
  readonly dataDirectory: string;
  /** The folder that contains serverless.yml. */
  readonly serviceDirectory: string;
}

/**
 * Starts the HTTP server to which the local service forwards requests to `/console/session` and `/console/dev/…`. The server
 * checks each request itself, because every page in the developer's browser can also send requests to this server directly.
 */
export async function startConsoleServer(options: ConsoleServerOptions): Promise<ConsoleServer> {
  const { dataDirectory } = options;
  const failNext = createFailNext(join(dataDirectory, 'fail-next'));
  const actions = localActions({ ...options, failNext });

  async function respond(request: IncomingMessage): Promise<object> {
    const { method = '', headers } = request;
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/console/session') {
      if (method !== 'GET') throw new Refusal(405, 'the route is GET /console/session');
      requireOwnPage(headers);
      return session(dataDirectory);
    }
    await requireLocalOperator(headers, dataDirectory);
    const [, traced] = /^\/console\/dev\/traces\/([^/]+)$/.exec(pathname) ?? [];
    if (method === 'GET' && traced !== undefined) return actions.trace(traced);
    if (method === 'GET' && pathname === '/console/dev/events') return actions.events();
    const [, name = ''] = /^\/console\/dev\/([a-z-]+)$/.exec(pathname) ?? [];
    if (method !== 'POST' || !isPost(name)) throw new Refusal(404, `there is no route ${method} ${pathname}`);
    return actions.posts[name](await jsonOf(request));
  }

  const isPost = (name: string): name is keyof typeof actions.posts => Object.hasOwn(actions.posts, name);

  const server = createServer((request, response) => {
    respond(request).then(
      (body) => send(response, 200, body),
      (error: unknown) => {
        const status = error instanceof Refusal ? error.status : 500;
        // RFC 9457 defines the type about:blank for problems that have no more meaning than their status.
        send(response, status, { type: 'about:blank', status, title: STATUS_CODES[status], detail: reasonOf(error) });
      },
    );
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    handlerWrapper: failNext.handlerWrapper,
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Returns a token for the console with every scope, so that the developer need not log in. */
async function session(dataDirectory: string) {
  const granted = [...Object.keys(scopes), LOCAL_SCOPE];
  const expiresAt = new Date(Date.now() + TOKEN_SECONDS * 1_000).toISOString();
  return { token: await issueToken(dataDirectory, granted), expiresAt, scopes: granted, local: true };
}

async function jsonOf(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
    throw new Refusal(415, 'the content type must be application/json');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Refusal(413, `the body is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    return parseJson(Buffer.concat(chunks).toString(), 'the body');
  } catch (error) {
    throw new Refusal(400, reasonOf(error), { cause: error });
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response
    .writeHead(status, {
      'content-type': status < 400 ? 'application/json' : 'application/problem+json',
      'cache-control': 'no-store',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    })
    .end(JSON.stringify(body));
}
