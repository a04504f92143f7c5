import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from './log.ts';
import { openSession } from './session.ts';
import type { Session, SessionOptions } from './session.ts';

/** A consumer of a queue that reconnects automatically. */
export interface Subscription {
  /** Cancels the consumer and stops reconnecting to the broker. */
  cancel(): Promise<void>;
  close(): Promise<void>;
}

const firstDelayMs = 100;
const maxDelayMs = 5_000;

/** Consumes a queue until the subscription is closed. If the connection is lost, reconnects with growing delays. */
export function subscribe(options: SessionOptions, log: Log, onLost: () => void): Subscription {
  const stopping = new AbortController();
  let session: Session | undefined;
  let isLost = false;

  function reportLost(reason: string): void {
    if (!isLost)
      log.warning(
        `Event source of queue "${options.queue}" lost the connection to the broker (${reason}); reconnecting.`,
      );
    isLost = true;
  }

  async function keepOpen(): Promise<void> {
    let delayMs = firstDelayMs;
    while (!stopping.signal.aborted) {
      try {
        const opened = await openSession(options);
        if (stopping.signal.aborted) return await opened.close();
        session = opened;
        if (isLost) log.notice(`Event source of queue "${options.queue}" reconnected to the broker.`);
        isLost = false;
        delayMs = firstDelayMs;
        const reason = await session.lost;
        if (stopping.signal.aborted) return;
        onLost();
        reportLost(reason);
        await session.close();
        session = undefined;
      } catch (error) {
        reportLost((error as Error).message);
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
