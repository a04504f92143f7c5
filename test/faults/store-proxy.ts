import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the proxy does with one request to DynamoDB. */
export type StoreFate =
  | { readonly is: 'throttled' }
  | { readonly is: 'server-error' }
  /**
   * The proxy answers each transaction with the error for conflicting transactions, and forwards all other requests.
   */
  | { readonly is: 'conflict' }
  /** DynamoDB executes the request, but the proxy closes the connection before the client gets the answer. */
  | { readonly is: 'answer-lost'; readonly silentMs?: number };

/** A fault of DynamoDB that the proxy injects. */
export interface StoreFault {
  /**
   * Returns the fault to inject into a request with the DynamoDB operation `operation`, such as `TransactWriteItems`.
   * If the result is undefined, the proxy only forwards the request.
   */
  readonly onRequest?: (operation: string) => StoreFate | undefined;
  /** Whether the proxy resets every new connection to DynamoDB immediately. */
  readonly isUnavailable?: boolean;
}

/** An HTTP proxy that injects faults between the service and DynamoDB. */
export interface StoreProxy {
  readonly url: string;
  /** Activates a fault of DynamoDB. The fault ends when the returned function is called. */
  inject(fault: StoreFault): () => void;
  /** Returns the number of requests that injected faults have affected so far. */
  readonly affected: () => number;
  close(): Promise<void>;
}

export async function startStoreProxy(endpoint: string): Promise<StoreProxy> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const faults = new Set<StoreFault>();
  const isUnavailable = () => [...faults].some((fault) => fault.isUnavailable);
  let affected = 0;

  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => incoming.socket.destroy());
  });
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket) => {
    if (isUnavailable()) socket.resetAndDestroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('the proxy in front of DynamoDB does not listen on a port');

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (isUnavailable()) {
      affected += 1;
      return void incoming.socket.resetAndDestroy();
    }
    const operation = String(incoming.headers['x-amz-target'] ?? '').replace(/^.*\./, '');
    const fate = [...faults].map(({ onRequest }) => onRequest?.(operation)).find((wanted) => wanted !== undefined);
    const refusal = fate && refusalFor(fate, operation, body);
    if (refusal) {
      affected += 1;
      return answer(outgoing, refusal);
    }
    const { status, headers, content } = await forward(incoming, body);
    if (fate?.is === 'answer-lost') {
      affected += 1;
      if (fate.silentMs !== undefined) await sleep(fate.silentMs);
      return void incoming.socket.destroy();
    }
    outgoing.writeHead(status, headers).end(content);
  }

  async function forward(incoming: IncomingMessage, body: Buffer) {
    const onward = request(endpoint, { method: incoming.method, path: incoming.url, headers: incoming.headers, agent });
    onward.end(body);
    const [response] = (await once(onward, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { status: response.statusCode ?? 500, headers: response.headers, content: Buffer.concat(chunks) };
  }

  return {
    url: `http://127.0.0.1:${address.port}`,
    inject(fault) {
      faults.add(fault);
      return () => void faults.delete(fault);
    },
    affected: () => affected,
    async close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}

interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly members?: object;
}

function refusalFor(fate: StoreFate, operation: string, body: Buffer): Refusal | undefined {
  switch (fate.is) {
    case 'throttled':
      return {
        status: 400,
        type: 'ProvisionedThroughputExceededException',
        message: 'The level of configured provisioned throughput for the table was exceeded.',
      };
    case 'server-error':
      return { status: 500, type: 'InternalServerError', message: 'Internal server error' };
    case 'conflict': {
      if (operation !== 'TransactWriteItems') return undefined;
      const { TransactItems: items } = JSON.parse(body.toString()) as { TransactItems: unknown[] };
      const reasons = items.map((_, index) =>
        index === items.length - 1
          ? { Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' }
          : { Code: 'None' },
      );
      const codes = reasons.map(({ Code }) => Code).join(', ');
      return {
        status: 400,
        type: 'TransactionCanceledException',
        message: `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`,
        members: { CancellationReasons: reasons },
      };
    }
    case 'answer-lost':
      return undefined;
  }
}

function answer(outgoing: ServerResponse, { status, type, message, members }: Refusal): void {
  const body = JSON.stringify({
    __type: `com.amazonaws.dynamodb.v20120810#${type}`,
    message,
    Message: message,
    ...members,
  });
  outgoing.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(body);
}
