import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Problem } from './command-line.ts';
import type { DevEnvironment } from './dev-environment.ts';
import { localDirectory } from './directories.ts';

/** The URLs of the development environment that `npm start` runs in this clone. */
export interface Running {
  readonly url: string;
  readonly amqpUrl: string;
  readonly managementUrl: string;
  readonly dynamodbEndpoint: string;
  /** The base URL of the trace receiver. Absent if the functions export their spans to another receiver. */
  readonly tracesUrl?: string;
}

const file = join(localDirectory, 'running.json');

/**
 * Saves the URLs of the development environment, so that other commands such as `npm run trace` find it. Returns a
 * function that deletes the saved URLs.
 */
export function announceRunning({ service, broker, store, traces }: DevEnvironment): () => void {
  const running: Running = {
    url: service.url,
    amqpUrl: broker.amqpUrl,
    managementUrl: broker.managementUrl,
    dynamodbEndpoint: store.endpoint,
    tracesUrl: traces?.url,
  };
  writeFileSync(file, JSON.stringify(running), { mode: 0o600 });
  return () => rmSync(file, { force: true });
}

/**
 * Reads the URLs of the development environment that runs in this clone. Throws a `Problem` if `npm start` does not run
 * in this clone.
 */
export function findRunning(): Running {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Running;
  } catch {
    throw new Problem('npm start is not running in this clone: run npm start in another terminal first');
  }
}
