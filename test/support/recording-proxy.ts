import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request of a Lambda function to an AWS service, with the IAM action and the resource that a policy must allow. */
export interface Call {
  readonly caller: string;
  /** The IAM action, for example `dynamodb:PutItem`. */
  readonly action: string;
  /** The requested resource: a DynamoDB table, an index as `table/index`, or the ARN of a secret. */
  readonly resource: string;
}

export interface RecordingProxy {
  readonly url: string;
  readonly calls: readonly Call[];
  stop(): Promise<void>;
}

type Body = Readonly<Record<string, unknown>>;

const partsOf = (items: readonly Readonly<Record<string, { TableName: string }>>[]) =>
  items.flatMap((item) =>
    Object.entries(item).map(([part, { TableName }]) => [`dynamodb:${part}Item`, TableName] as const),
  );

/** Returns the IAM actions that a request to DynamoDB or Secrets Manager needs, each with its resource. */
function needs(target: string, body: Body): (readonly [string, string])[] {
  const operation = target.split('.').at(-1)!;
  if (target.startsWith('secretsmanager.')) return [[`secretsmanager:${operation}`, String(body['SecretId'])]];
  if (operation === 'TransactWriteItems')
    return partsOf(body['TransactItems'] as Record<string, { TableName: string }>[]);
  if (body['RequestItems'])
    return Object.keys(body['RequestItems']).map((table) => [`dynamodb:${operation}`, table] as const);
  const index = body['IndexName'] as string | undefined;
  return [[`dynamodb:${operation}`, `${String(body['TableName'])}${index ? `/${index}` : ''}`]];
}

/**
 * Starts an HTTP proxy that forwards requests to the URL `target`, and records the IAM action and the resource of each
 * request.
 */
export async function aRecordingProxy(target: string): Promise<RecordingProxy> {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const caller = String(request.headers['x-amz-security-token'] ?? '');
      const operation = String(request.headers['x-amz-target'] ?? '');
      for (const [action, resource] of needs(operation, JSON.parse(body.toString()) as Body))
        calls.push({ caller, action, resource });
      const headers = Object.fromEntries(
        ['content-type', 'x-amz-target', 'authorization', 'x-amz-date']
          .filter((name) => request.headers[name])
          .map((name) => [name, String(request.headers[name])]),
      );
      fetch(target, { method: 'POST', headers, body })
        .then(async (answer) => {
          const type = answer.headers.get('content-type') ?? 'application/x-amz-json-1.0';
          response.writeHead(answer.status, { 'content-type': type }).end(Buffer.from(await answer.arrayBuffer()));
        })
        .catch((error: unknown) => response.writeHead(502).end(String(error)));
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async stop() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
