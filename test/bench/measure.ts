import { fork } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { LOCAL_AWS } from '../../infra/dev/runtime/store/local-aws.ts';
import type { Section } from './catalogue.ts';
import type { FromChild, Measured, StoreAnswer } from './protocol.ts';
import { createStores } from './stores.ts';

export interface MeasureOptions {
  readonly childFile: string;
  readonly rounds: number;
  readonly scratch: string;
  /** Receives the number of each finished round of the benchmark. Round 0 is the warm-up. */
  readonly onRound: (round: number) => void;
}

/**
 * Runs one section of the benchmark in its own process. The result does not include the figures of the warm-up round.
 */
export async function measure(section: Section, options: MeasureOptions): Promise<Measured[]> {
  const { childFile, rounds, scratch, onRound } = options;
  const log = join(scratch, `${section.name}.log`);
  const stores = createStores(join(scratch, section.name));
  const child = fork(childFile, [section.name, String(rounds)], {
    execArgv: ['--expose-gc', ...(section.heapMiB ? [`--max-old-space-size=${section.heapMiB}`] : [])],
    env: { ...process.env, ...LOCAL_AWS },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  // Logging is part of the measured work, but the log lines are not part of the result.
  const sink = createWriteStream(log);
  for (const stream of [child.stdout!, child.stderr!]) stream.pipe(sink, { end: false });

  const measured: Measured[] = [];
  child.on('message', (message: FromChild) => {
    if ('request' in message) {
      void stores.start().then(
        (endpoint) => child.send({ number: message.number, endpoint } satisfies StoreAnswer),
        (error: unknown) => {
          sink.write(`${String(error)}\n`);
          child.kill();
        },
      );
      return;
    }
    if (message.round > 0) measured.push(message.measured);
    onRound(message.round);
    void stores.stopAll();
  });
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  await stores.stopAll();
  await new Promise((resolve) => sink.end(resolve));
  if (code !== 0 || measured.length < rounds)
    throw new Error(`the benchmark's section ${section.name} failed: ${await reason(log)}`);
  return measured;
}

async function reason(log: string): Promise<string> {
  const lines = (await readFile(log, 'utf8')).split('\n').filter((line) => line.trim() !== '' && !line.startsWith('{'));
  return lines.find((line) => /^\w*Error\b|heap out of memory/.test(line)) ?? lines.at(-1) ?? 'it said nothing';
}
