import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';

export interface Deployed {
  readonly functionName: string;
  readonly taskRoot: string;
  readonly handler: string;
  readonly timeoutSeconds: number;
  readonly environment: Readonly<Record<string, string>>;
  /** The Node executable that runs the function; by default the one that runs the tests. */
  readonly node?: string;
}

/** A process that runs one packaged function with an emulated Lambda runtime API. */
export interface Lambda {
  /**
   * Invokes the function and returns its result. The promise is rejected if the function throws an error or does not
   * start.
   */
  invoke(event: unknown): Promise<unknown>;
  /** Returns the version of Node that runs the function; `undefined` before the first invocation. */
  readonly nodeVersion: () => string | undefined;
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

interface Invocation {
  readonly id: string;
  readonly event: unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

const RUNTIME = resolve('test/support/lambda-runtime.mjs');

export async function startLambda(deployed: Deployed): Promise<Lambda> {
  const { functionName, taskRoot, handler, timeoutSeconds, environment, node = process.execPath } = deployed;
  let nodeVersion: string | undefined;
  const lines: string[] = [];
  const waiting: Invocation[] = [];
  const running = new Map<string, Invocation>();
  let asking: ServerResponse | undefined;
  let broken: Error | undefined;

  function failAll(error: Error): void {
    broken ??= error;
    for (const { reject } of [...waiting.splice(0), ...running.values()]) reject(error);
    running.clear();
  }

  function hand(): void {
    if (!asking || waiting.length === 0) return;
    const invocation = waiting.shift()!;
    running.set(invocation.id, invocation);
    asking.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': invocation.id,
      'lambda-runtime-deadline-ms': String(Date.now() + timeoutSeconds * 1_000),
      'lambda-runtime-invoked-function-arn': `arn:aws:lambda:eu-central-1:000000000000:function:${functionName}:live`,
    });
    asking.end(JSON.stringify(invocation.event));
    asking = undefined;
  }

  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => failAll(error as Error));
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [what, id] = request.url!.replace('/2018-06-01/runtime/', '').split('/').toReversed();
    if (what === 'next') {
      nodeVersion = request.headers['user-agent'];
      asking = response;
      hand();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as {
      errorType: string;
      errorMessage: string;
      trace: string[];
    };
    response.writeHead(202).end();
    const error = () =>
      Object.assign(new Error(`the function ${functionName} failed: ${body.errorType}: ${body.errorMessage}`), {
        trace: body.trace,
      });
    if (id === 'init') return failAll(error());
    const invocation = running.get(id!)!;
    running.delete(id!);
    if (what === 'response') invocation.resolve(body);
    else invocation.reject(error());
  }

  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const child = spawn(node, [RUNTIME], {
    cwd: taskRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    // The process does not inherit the tests' environment. On AWS, a function has only the variables of its template
    // and those that Lambda adds.
    env: {
      ...environment,
      PATH: process.env['PATH'],
      // On Lambda, the home directory exists. The user who runs the tests may have none.
      HOME: taskRoot,
      TZ: ':UTC',
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_LAMBDA_FUNCTION_NAME: functionName,
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      LAMBDA_TASK_ROOT: taskRoot,
      _HANDLER: handler,
    },
  });
  const ended = new Promise<void>((done) => {
    child.once('error', (error) => {
      failAll(new Error(`the function ${functionName} could not be started: ${error.message}`, { cause: error }));
      done();
    });
    child.once('exit', (code, signal) => {
      const lastLines = lines.slice(-5).join('\n');
      failAll(new Error(`the process of the function ${functionName} ended (${signal ?? code}): ${lastLines}`));
      done();
    });
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => lines.push(...data.toString().split('\n').filter(Boolean)));

  return {
    nodeVersion: () => nodeVersion,
    lines,
    invoke: (event) =>
      new Promise((resolve, reject) => {
        if (broken) return reject(broken);
        waiting.push({ id: randomUUID(), event, resolve, reject });
        hand();
      }),
    async stop() {
      child.kill('SIGKILL');
      await ended;
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
