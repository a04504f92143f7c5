import { fork, type ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';

import { keepToOne } from './processors.ts';
import type { Answer, Command, SideName, Spent } from './side.ts';

const processes = new Map<SideName, ChildProcess>();

/** Returns the process that runs one of the compared consumers. All rounds of the benchmark use the same process. */
export function sideOf<Name extends SideName>(name: Name) {
  let child = processes.get(name);
  if (!child) {
    // Logging is part of the measured work, but the log lines are not part of the result.
    child = fork(join(dirname(process.argv[1]!), 'side.mjs'), [name], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    keepToOne(child.pid);
    child.unref();
    child.channel?.unref();
    processes.set(name, child);
  }
  const side = child;
  return {
    name,
    send: (command: Command) =>
      new Promise<Spent>((resolve, reject) => {
        side.channel?.ref();
        const gone = () => reject(new Error(`the process of the consumer ${name} ended before it answered`));
        side.once('exit', gone);
        side.once('message', (answer: Answer) => {
          side.off('exit', gone);
          side.channel?.unref();
          if ('error' in answer) reject(new Error(`the consumer ${name} failed: ${answer.error}`));
          else resolve(answer);
        });
        side.send(command);
      }),
  };
}
