import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from './log.ts';
import { openSession } from './session.ts';
import type { Session, SessionOptions } from './session.ts';

/** A consumer that comes back by itself. */
export interface Subscription {
  /** Asks the broker to send no more, and stops coming back. */
  cancel(): Promise<void>;
  close(): Promise<void>;
}

const firstDelayMs = 100;
const maxDelayMs = 5_000;

/** Consumes a queue for ever: reconnects with backoff, and says once when the broker is lost and once when it is back. */
export function subscribe(options: SessionOptions, log: Log, onLost: () => void): Subscription {
  const stopping = new AbortController();
  let session: Session | undefined;
  let away = false;

  function sayAway(reason: string): void {
    if (!away) log.warning(`Event source of queue "${options.queue}" lost the broker (${reason}); reconnecting.`);
    away = true;
  }

  async function keepOpen(): Promise<void> {
    let delayMs = firstDelayMs;
    while (!stopping.signal.aborted) {
      try {
        session = await openSession(options);
        if (away) log.notice(`Event source of queue "${options.queue}" has the broker back.`);
        away = false;
        delayMs = firstDelayMs;
        const reason = await session.lost;
        if (stopping.signal.aborted) return;
        onLost();
        sayAway(reason);
        await session.close();
        session = undefined;
      } catch (error) {
        sayAway((error as Error).message);
      }
      await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => {});
      delayMs = Math.min(delayMs * 2, maxDelayMs);
    }
  }

  const kept = keepOpen();
  return {
    async cancel() {
      stopping.abort();
      await session?.cancel();
    },
    async close() {
      stopping.abort();
      await session?.close();
      await kept;
    },
  };
}
