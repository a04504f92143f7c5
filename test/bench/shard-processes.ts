import { fork, type ChildProcess } from 'node:child_process';

/** What the process of one shard is told. */
export interface ShardSettings {
  /** The broker, whatever virtual host it names. */
  readonly url: string;
  readonly virtualHost: string;
  readonly shard: string;
  readonly endpoint: string;
  readonly batchSize: number;
}

/** The part of the messages after which the processes are warm, and that after which the first shard may be empty. */
const FROM = 0.2;
const TO = 0.9;

/** Starts a process for each shard and lets them work on what waits; gives the messages per second of all together. */
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
        child.once('exit', (code) => reject(new Error(`the process of a shard ended with ${code}`)));
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
    child.once('exit', (code) => reject(new Error(`the process of a shard ended with ${code}`)));
  });
