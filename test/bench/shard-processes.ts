import { fork, type ChildProcess } from 'node:child_process';

export interface ShardSettings {
  /** The AMQP URI of the broker. The virtual host in this URI is ignored. */
  readonly url: string;
  readonly virtualHost: string;
  readonly shard: string;
  readonly endpoint: string;
  readonly batchSize: number;
}

const FROM = 0.2;
const TO = 0.9;

/** Consumes all shards, each in its own process. Returns the total throughput in messages per second. */
export async function rateOf(file: string, shards: readonly ShardSettings[], messages: number): Promise<number> {
  const children = shards.map((settings) =>
    fork(file, [JSON.stringify(settings)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }),
  );
  try {
    await Promise.all(children.map((child) => firstWordOf(child)));
    return await new Promise<number>((resolve, reject) => {
      let done = 0;
      let warm: { done: number; atMs: number } | undefined;
      for (const child of children) {
        child.on('message', ({ done: more }: { done: number }) => {
          done += more;
          if (!warm && done >= messages * FROM) warm = { done, atMs: performance.now() };
          if (warm && done >= messages * TO) resolve((1_000 * (done - warm.done)) / (performance.now() - warm.atMs));
        });
        child.once('exit', (code) =>
          reject(new Error(`a process that consumes a shard of the queue ended with exit code ${code}`)),
        );
        child.send('go');
      }
    });
  } finally {
    for (const child of children) child.removeAllListeners('exit').kill('SIGKILL');
  }
}

const firstWordOf = (child: ChildProcess) =>
  new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', (code) =>
      reject(new Error(`a process that consumes a shard of the queue ended with exit code ${code}`)),
    );
  });
