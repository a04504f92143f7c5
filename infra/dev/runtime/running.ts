import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Problem } from './command-line.ts';
import type { DevEnvironment } from './dev-environment.ts';
import { localDirectory } from './directories.ts';

/** The URLs of the development environment that `npm start` runs in this project. */
export interface Running {
  readonly pid: number;
  readonly url: string;
  readonly amqpUrl: string;
  readonly managementUrl: string;
  readonly dynamodbEndpoint: string;
  readonly tablePrefix: string;
  /** The base URL of the trace receiver. Absent if the functions export their spans elsewhere. */
  readonly tracesUrl?: string;
}

const file = join(localDirectory, 'running.json');

/**
 * Saves the URLs of the development environment, so that other commands such as `surehop trace` find it. Returns a
 * function that deletes the saved URLs.
 */
export function announceRunning({
  service,
  broker,
  store,
  tablePrefix,
  traces,
}: Pick<DevEnvironment, 'service' | 'broker' | 'store' | 'tablePrefix'> & {
  readonly traces: { readonly url: string } | undefined;
}): () => void {
  const running: Running = {
    pid: process.pid,
    url: service.url,
    amqpUrl: broker.amqpUrl,
    managementUrl: broker.managementUrl,
    dynamodbEndpoint: store.endpoint,
    tablePrefix,
    tracesUrl: traces?.url,
  };
  writeFileSync(file, JSON.stringify(running), { mode: 0o600 });
  return () => rmSync(file, { force: true });
}

/**
 * Reads the URLs of the development environment that runs in this project. Returns undefined if `npm start` does not run in this
 * project.
 */
export function runningIfAny(): Running | undefined {
  try {
    const running = JSON.parse(readFileSync(file, 'utf8')) as Running;
    // A killed `npm start` leaves its file behind.
    process.kill(running.pid, 0);
    return running;
  } catch {
    return undefined;
  }
}

/**
 * Reads the URLs of the development environment that runs in this project. Throws a `Problem` if `npm start` does not run in this
 * project.
 */
export function findRunning(): Running {
  const running = runningIfAny();
  if (running === undefined)
    throw new Problem('npm start is not running in this project: run npm start in another terminal first');
  return running;
}
