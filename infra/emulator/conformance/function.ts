import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Answer } from './cases.ts';

/** A Lambda function for the conformance suite. The function records the events that it receives. */
export interface ObservedFunction {
  /** The path of the module that exports the handler, with its extension `.mjs`. */
  readonly handlerFile: string;
  readonly events: readonly unknown[];
  /** The maximum number of invocations of the Lambda function that ran at the same time. */
  readonly concurrency: () => number;
  close(): Promise<void>;
}

const INVOCATION_MS = 50;

const handlerSource = (url: string): string => `export const handler = async (event) => {
  const response = await fetch(${JSON.stringify(url)}, { method: 'POST', body: JSON.stringify(event) });
  const answer = await response.json();
  if (answer.fail === 'throw') throw new Error('the conformance suite makes this invocation fail');
  if (answer.fail === 'exit') process.exit(1);
  if (answer.fail === 'time out') await new Promise(() => setInterval(() => {}, 1_000));
  return answer.return;
};
`;

/**
 * Writes a module that exports a Lambda function. The first invocation of the function does what the first element of
 * `answers` says, and so on. All later invocations return null.
 */
export async function observeFunction(answers: readonly Answer[]): Promise<ObservedFunction> {
  const events: unknown[] = [];
  let running = 0;
  let concurrency = 0;
  async function invoke(request: IncomingMessage): Promise<Answer> {
    const event: unknown = JSON.parse(await text(request));
    running += 1;
    concurrency = Math.max(concurrency, running);
    const answer = answers[events.length] ?? { return: null };
    events.push(event);
    await sleep(INVOCATION_MS);
    running -= 1;
    return answer;
  }

  const server = createServer((request, response) => {
    void invoke(request).then(
      (answer) => response.end(JSON.stringify(answer)),
      () => response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const directory = await mkdtemp(join(tmpdir(), 'conformance-'));
  const handlerFile = join(directory, 'handler.mjs');
  await writeFile(handlerFile, handlerSource(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  return {
    handlerFile,
    events,
    concurrency: () => concurrency,
    async close() {
      server.close();
      server.closeAllConnections();
      await rm(directory, { recursive: true });
    },
  };
}
