import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf, type Say } from './command-line.ts';

const WINDOW_MS = 60_000;
const MAX_RESTARTS = 5;

/** The n-th restart within the window waits so much longer: what took its port may be gone by then. */
const DELAY_MS = 250;

/** A process of ours that can be started again with the same address and the same data. */
export interface Restartable {
  restart(): Promise<void>;
  /** Calls `listener` when it ends although nobody asked it to. */
  onDeath(listener: (how: string) => void): void;
}

export interface KeeperOptions {
  readonly name: string;
  readonly say: Say;
  /** Called once, where the part ends again and again. */
  readonly giveUp: (reason: string) => void;
}

/** Starts `part` again whenever it ends by itself, at most five times within a minute; returns how to stop that. */
export function keepRunning(part: Restartable, { name, say, giveUp }: KeeperOptions): () => void {
  let restartedAt: number[] = [];
  let isStopped = false;

  async function recover(how: string): Promise<void> {
    for (let reason = how; !isStopped;) {
      const now = performance.now();
      restartedAt = restartedAt.filter((at) => now - at < WINDOW_MS);
      if (restartedAt.length === MAX_RESTARTS) {
        isStopped = true;
        return giveUp(
          `${name} was started again ${MAX_RESTARTS} times within a minute and ended once more (${reason}); find out why, then run npm start again: the data is kept`,
        );
      }
      restartedAt.push(now);
      say(
        `${name} ended (${reason}); starting it again (${restartedAt.length} of at most ${MAX_RESTARTS} times a minute)`,
      );
      await sleep(DELAY_MS * (restartedAt.length - 1));
      if (isStopped) return;
      try {
        return await part.restart();
      } catch (error) {
        reason = reasonOf(error);
      }
    }
  }

  part.onDeath((how) => void recover(how));
  return () => {
    isStopped = true;
  };
}
