import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from './log.ts';
import { openSession } from './session.ts';
import type { Session, SessionOptions } from './session.ts';

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

  /** Consumes the queue over one connection. Returns the reason when the connection is lost or cannot be opened. */
  async function consume(): Promise<string> {
    try {
      const opened = await openSession(options);
      if (stopping.signal.aborted) {
        await opened.close();
        return 'the event source was stopped';
      }
      session = opened;
      if (isLost) log.notice(`Event source of queue "${options.queue}" reconnected to the broker.`);
      isLost = false;
      return await opened.lost;
    } catch (error) {
      return (error as Error).message;
    }
  }

  async function keepOpen(): Promise<void> {
    let delayMs = firstDelayMs;
    while (!stopping.signal.aborted) {
      const reason = await consume();
      if (!isLost) delayMs = firstDelayMs;
      if (stopping.signal.aborted) return;
      // A connection that fails while it is opened may already have delivered messages on its first channels.
      onLost();
      reportLost(reason);
      await session?.close();
      session = undefined;
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
