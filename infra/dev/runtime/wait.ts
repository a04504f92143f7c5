import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Calls `attempt` repeatedly until `attempt` resolves with a value. Resolves with undefined after `timeoutMs`, or as
 * soon as `giveUp` returns true.
 */
export async function waitFor<T>(
  attempt: () => Promise<T | undefined>,
  { timeoutMs, everyMs = 100, giveUp = () => false }: { timeoutMs: number; everyMs?: number; giveUp?: () => boolean },
): Promise<T | undefined> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await attempt();
    if (value !== undefined) return value;
    if (giveUp() || performance.now() >= deadline) return undefined;
    await sleep(everyMs);
  }
}

/** Resolves with the value of the promise, or with undefined if the promise has no value after `timeoutMs`. */
export async function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  const abort = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: abort.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    abort.abort();
  }
}
