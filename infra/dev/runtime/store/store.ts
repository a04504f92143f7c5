import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Problem, type Say } from '../command-line.ts';
import { doesDockerAnswer } from '../docker.ts';
import { startDockerStore } from './docker.ts';
import { doesStoreAnswer } from './probe.ts';
import { freePorts } from '../ports.ts';
import { startGuarded, type GuardedProcess } from '../processes.ts';
import { withoutPassword } from '../settings.ts';
import { waitFor } from '../wait.ts';

const READY_WITHIN_MS = 15_000;
const STOPPED_WITHIN_MS = 3_000;
const START_ATTEMPTS = 3;

/** A DynamoDB that serves. */
export interface Store {
  readonly endpoint: string;
  readonly describe: string;
  readonly pid?: number;
  /** SIGKILL, as in a power cut. */
  readonly kill: () => Promise<void>;
  /** Starts it again, on the same port, with the same data. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Calls `listener` when it ends although nobody asked it to. */
  readonly onDeath: (listener: (how: string) => void) => void;
}

export interface StoreOptions {
  /** A folder of its own for logs and data. */
  readonly dataDirectory: string;
  /** Whether data outlives a stop. */
  readonly keepData: boolean;
  readonly say: Say;
}

/** Uses the DynamoDB at DYNAMODB_ENDPOINT; else starts the embedded emulator; else DynamoDB Local in Docker. */
export async function startStore(
  options: StoreOptions,
  { dynamodbEndpoint }: { dynamodbEndpoint: string | undefined },
): Promise<Store> {
  if (dynamodbEndpoint !== undefined) return useGivenStore(dynamodbEndpoint);
  const emulator = findEmulator();
  if (emulator !== undefined) return startEmulator(emulator, options);
  if (await doesDockerAnswer()) return startDockerStore(options);
  throw new Problem(
    `no DynamoDB for ${process.platform}-${process.arch} without Docker: start Docker, or set DYNAMODB_ENDPOINT to one that runs`,
  );
}

async function useGivenStore(endpoint: string): Promise<Store> {
  const shown = withoutPassword(endpoint);
  if (!(await doesStoreAnswer(endpoint))) {
    throw new Problem(
      `no DynamoDB answers at DYNAMODB_ENDPOINT=${shown}; mend it, or unset it and one is started for you`,
    );
  }
  const notOurs = async (): Promise<never> => {
    throw new Problem(`the DynamoDB at DYNAMODB_ENDPOINT=${shown} is not ours to kill; unset DYNAMODB_ENDPOINT`);
  };
  const describe = `DynamoDB at ${shown} (DYNAMODB_ENDPOINT)`;
  return { endpoint, describe, kill: notOurs, restart: notOurs, stop: async () => {}, onDeath: () => {} };
}

/** The emulator's binary, an optional dependency that exists for some platforms only. */
function findEmulator(): string | undefined {
  try {
    const manifest = `@dynoxide/${process.platform}-${process.arch}/package.json`;
    return join(dirname(createRequire(import.meta.url).resolve(manifest)), 'dynoxide');
  } catch {
    return undefined;
  }
}

async function startEmulator(emulator: string, { dataDirectory, keepData, say }: StoreOptions): Promise<Store> {
  say('starting DynamoDB (embedded emulator)');
  mkdirSync(dataDirectory, { recursive: true });
  const deathListeners: ((how: string) => void)[] = [];
  let running: GuardedProcess;
  let isAsked = false;

  const boot = async (port: number) => {
    const database = keepData ? ['--db-path', join(dataDirectory, 'dynamodb.sqlite')] : [];
    const started = await startGuarded({
      command: emulator,
      args: ['--host', '127.0.0.1', '--port', String(port), ...database],
      cwd: dataDirectory,
      env: process.env,
      output: { file: join(dataDirectory, 'dynamodb.log') },
    });
    running = started;
    const ready = await waitFor(
      async () => (!started.hasEnded() && (await doesStoreAnswer(`http://127.0.0.1:${port}`)) ? true : undefined),
      { timeoutMs: READY_WITHIN_MS, everyMs: 20, given: started.hasEnded },
    );
    if (ready === undefined || started.hasEnded()) {
      await started.kill();
      throw new Problem(
        `DynamoDB's emulator did not start: ${started.tail().at(-1) ?? (await started.ended)}; its log is ${join(dataDirectory, 'dynamodb.log')}`,
      );
    }
    void started.ended.then((how) => {
      if (running === started && !isAsked) for (const listener of deathListeners) listener(how);
    });
  };

  let port = 0;
  for (let attempt = 1; ; attempt += 1) {
    [port = 0] = await freePorts(1);
    try {
      await boot(port);
      break;
    } catch (error) {
      // Between choosing a port and listening on it somebody else may take it.
      if (!running!.tail().join('\n').includes('in use') || attempt === START_ATTEMPTS) throw error;
    }
  }

  return {
    endpoint: `http://127.0.0.1:${port}`,
    describe: 'DynamoDB (embedded emulator)',
    get pid() {
      return running.pid;
    },
    kill: () => {
      isAsked = true;
      return running.kill();
    },
    restart: async () => {
      isAsked = true;
      try {
        await running.kill();
        await boot(port);
        // While it was asked to end nobody was told.
        if (running.hasEnded()) throw new Error(await running.ended);
      } finally {
        isAsked = false;
      }
    },
    stop: async () => {
      isAsked = true;
      if (keepData) await running.stop({ signal: 'SIGTERM', graceMs: STOPPED_WITHIN_MS });
      else await running.kill();
    },
    onDeath: (listener) => {
      deathListeners.push(listener);
      if (running.hasEnded() && !isAsked) void running.ended.then(listener);
    },
  };
}
