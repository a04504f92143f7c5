import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Calls `attempt` repeatedly until it returns a value. Returns undefined after `timeoutMs`, or as soon as `giveUp` returns true.
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

/** Resolves with the value of the promise, or with undefined if that takes longer than `timeoutMs`. */
export async function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  const abort = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: abort.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    abort.abort();
  }
}
