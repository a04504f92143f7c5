import { muteLog } from '../runtime/log.ts';
import { muteMetrics } from '../runtime/metrics.ts';

let running = 0;
let unmute: (() => void)[] = [];

/**
 * Runs `work` without the log entries and metrics of the toolkit, because these lines would hide the output of a test.
 */
export async function muted<T>(work: () => Promise<T>): Promise<T> {
  if (running === 0) unmute = [muteLog(), muteMetrics()];
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    if (running === 0) for (const undo of unmute) undo();
  }
}
