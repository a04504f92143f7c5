import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Problem } from '../command-line.ts';
import { freePorts } from '../ports.ts';
import { startGuarded, type GuardedProcess } from '../processes.ts';
import { waitFor } from '../wait.ts';
import { doesStoreAnswer } from './probe.ts';
import type { Store, StoreOptions } from './store.ts';

const READY_WITHIN_MS = 15_000;
const STOPPED_WITHIN_MS = 3_000;
const START_ATTEMPTS = 3;

/** Returns the path of the DynamoDB emulator. The emulator is an optional dependency that exists only for some platforms. */
export function findEmulator(): string | undefined {
  try {
    const manifest = `@dynoxide/${process.platform}-${process.arch}/package.json`;
    return join(dirname(createRequire(import.meta.url).resolve(manifest)), 'dynoxide');
  } catch {
    return undefined;
  }
}

/**
 * Starts the DynamoDB emulator on a free port of 127.0.0.1. The emulator stores its data in `dataDirectory` if
 * `keepData` is set, and in memory otherwise.
 */
export async function startEmulator(emulator: string, { dataDirectory, keepData, say }: StoreOptions): Promise<Store> {
  say('starting DynamoDB (embedded emulator)');
  mkdirSync(dataDirectory, { recursive: true });
  const deathListeners: ((how: string) => void)[] = [];
  let running: GuardedProcess;
  let isStopping = false;

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
      { timeoutMs: READY_WITHIN_MS, everyMs: 20, giveUp: started.hasEnded },
    );
    if (ready === undefined || started.hasEnded()) {
      await started.kill();
      const reason = started.tail().at(-1) ?? (await started.ended);
      const logFile = join(dataDirectory, 'dynamodb.log');
      throw new Problem(`the DynamoDB emulator did not start: ${reason}; see its log ${logFile}`);
    }
    void started.ended.then((how) => {
      if (running === started && !isStopping) for (const listener of deathListeners) listener(how);
    });
  };

  let port = 0;
  for (let attempt = 1; ; attempt += 1) {
    [port = 0] = await freePorts(1);
    try {
      await boot(port);
      break;
    } catch (error) {
      // Another process can take a chosen port before the emulator listens on it.
      if (!running!.tail().join('\n').includes('in use') || attempt === START_ATTEMPTS) throw error;
    }
  }

  return {
    endpoint: `http://127.0.0.1:${port}`,
    describe: 'DynamoDB (embedded emulator)',
    isExternal: false,
    get pid() {
      return running.pid;
    },
    kill: () => {
      isStopping = true;
      return running.kill();
    },
    restart: async () => {
      isStopping = true;
      try {
        await running.kill();
        await boot(port);
        // If the emulator ends while it is being restarted, `onDeath` is not called; the restart fails instead.
        if (running.hasEnded()) throw new Error(await running.ended);
      } finally {
        isStopping = false;
      }
    },
    stop: async () => {
      isStopping = true;
      if (keepData) await running.stop({ signal: 'SIGTERM', graceMs: STOPPED_WITHIN_MS });
      else await running.kill();
    },
    onDeath: (listener) => {
      deathListeners.push(listener);
      if (running.hasEnded() && !isStopping) void running.ended.then(listener);
    },
  };
}
