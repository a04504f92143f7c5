import { once } from 'node:events';

import { Problem } from '../../infra/dev/runtime/command-line.ts';
import { localDirectory, startLock } from '../../infra/dev/runtime/directories.ts';
import { takeLock } from '../../infra/dev/runtime/process-lock.ts';
import { announceRunning } from '../../infra/dev/runtime/running.ts';
import { readSettings } from '../../infra/dev/runtime/settings.ts';
import type { Fault } from './lab.ts';
import { onceEach } from './rounds.ts';
import type { Round } from './run.ts';
import { startSystem, TABLE_PREFIX } from './system.ts';

/**
 * Creates a test round that injects one fault and then leaves the test system running until Ctrl-C, so that commands
 * such as `npm run trace` work as after `npm start`.
 */
export function held(fault: Fault, messages: number, print: (line: string) => void): Round {
  const { httpPort } = readSettings(process.env, localDirectory);
  const lock = takeLock(startLock);
  if ('heldBy' in lock)
    throw new Problem(
      `npm start is running in this project (pid ${lock.heldBy}), and may occupy the port ${httpPort}, which this command needs: stop npm start first`,
    );
  const [round] = onceEach('held', [fault], messages, (directory, say) =>
    startSystem({ directory, say, hasTraces: true, httpPort }),
  );
  return {
    ...round!,
    async atEnd({ broker, store, service, spans, url, logFile }, signal) {
      const stopAnnouncing = announceRunning({
        broker,
        store,
        service: service(),
        tablePrefix: TABLE_PREFIX,
        traces: spans,
      });
      print(`holding until Ctrl-C\n  metrics  ${url}/metrics\n  log      ${logFile}\n  traces   npm run trace`);
      if (!signal.aborted) await once(signal, 'abort');
      stopAnnouncing();
      lock.release();
    },
  };
}
