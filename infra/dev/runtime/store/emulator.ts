import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Problem } from '../command-line.ts';
import { startGuardedServer } from '../guarded-server.ts';
import { freePorts } from '../ports.ts';
import { startGuarded } from '../processes.ts';
import { waitFor } from '../wait.ts';
import { doesStoreAnswer } from './probe.ts';
import type { Store, StoreOptions } from './store.ts';

const READY_WITHIN_MS = 15_000;
const STOPPED_WITHIN_MS = 3_000;

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
  const database = keepData ? ['--db-path', join(dataDirectory, 'dynamodb.sqlite')] : [];
  const logFile = join(dataDirectory, 'dynamodb.log');

  const server = await startGuardedServer({
    choosePorts: async () => (await freePorts(1))[0]!,
    start: (port) =>
      startGuarded({
        command: emulator,
        args: ['--host', '127.0.0.1', '--port', String(port), ...database],
        cwd: dataDirectory,
        env: process.env,
        output: { file: logFile },
      }),
    untilReady: async (started, port) => {
      const ready = await waitFor(
        async () => (!started.hasEnded() && (await doesStoreAnswer(`http://127.0.0.1:${port}`)) ? true : undefined),
        { timeoutMs: READY_WITHIN_MS, everyMs: 20, giveUp: started.hasEnded },
      );
      if (ready !== undefined && !started.hasEnded()) return;
      await started.kill();
      const reason = started.tail().at(-1) ?? (await started.ended);
      throw new Problem(`the DynamoDB emulator did not start: ${reason}; see its log ${logFile}`);
    },
    wasPortTaken: () => readFileSync(logFile, 'utf8').includes('in use'),
    stop: (running) => (keepData ? running.stop({ signal: 'SIGTERM', graceMs: STOPPED_WITHIN_MS }) : running.kill()),
  });

  return {
    endpoint: `http://127.0.0.1:${server.ports}`,
    describe: 'DynamoDB (embedded emulator)',
    isExternal: false,
    get pid() {
      return server.pid;
    },
    kill: server.kill,
    restart: server.restart,
    stop: server.stop,
    onDeath: server.onDeath,
  };
}
