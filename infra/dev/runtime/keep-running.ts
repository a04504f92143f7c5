import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf, type Say } from './command-line.ts';

const WINDOW_MS = 60_000;
const MAX_RESTARTS = 5;

const DELAY_MS = 250;

/** A process that can be restarted on the same port with the same data. */
export interface Restartable {
  restart(): Promise<void>;
  /** Calls `listener` when the process ends unexpectedly. */
  onDeath(listener: (how: string) => void): void;
}

export interface KeeperOptions {
  readonly name: string;
  readonly say: Say;
  /** Called once, with the reason, when the process has ended too many times and will not be restarted again. */
  readonly giveUp: (reason: string) => void;
}

/**
 * Restarts the process `target` whenever it ends unexpectedly, but at most five times within a minute. Returns a
 * function that turns the restarts off.
 */
export function keepRunning(target: Restartable, { name, say, giveUp }: KeeperOptions): () => void {
  let restartedAt: number[] = [];
  let isStopped = false;

  async function recover(how: string): Promise<void> {
    for (let reason = how; !isStopped;) {
      const now = performance.now();
      restartedAt = restartedAt.filter((at) => now - at < WINDOW_MS);
      if (restartedAt.length === MAX_RESTARTS) {
        isStopped = true;
        return giveUp(
          `${name} was restarted ${MAX_RESTARTS} times within a minute and ended again (${reason}); fix the cause and run npm start again, the data is kept`,
        );
      }
      restartedAt.push(now);
      say(
        `${name} ended (${reason}); restarting (${restartedAt.length} of at most ${MAX_RESTARTS} restarts per minute)`,
      );
      await sleep(DELAY_MS * (restartedAt.length - 1));
      if (isStopped) return;
      try {
        return await target.restart();
      } catch (error) {
        reason = reasonOf(error);
      }
    }
  }

  target.onDeath((how) => void recover(how));
  return () => {
    isStopped = true;
  };
}
