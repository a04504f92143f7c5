import { setTimeout as sleep } from 'node:timers/promises';

/** Asks `attempt` again and again until it gives a value other than undefined, or undefined once `timeoutMs` is over. */
export async function waitFor<T>(
  attempt: () => Promise<T | undefined>,
  { timeoutMs, everyMs = 100, given = () => false }: { timeoutMs: number; everyMs?: number; given?: () => boolean },
): Promise<T | undefined> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await attempt();
    if (value !== undefined) return value;
    if (given() || performance.now() >= deadline) return undefined;
    await sleep(everyMs);
  }
}

/** The promise's value, or undefined when it takes longer than `timeoutMs`. */
export async function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  const abort = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: abort.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    abort.abort();
  }
}
