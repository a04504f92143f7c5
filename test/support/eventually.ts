/** The longest pause between two calls of `condition`, as a multiple of `everyMs`. */
const MAX_GROWTH = 5;

/**
 * Calls `condition` until it returns a value, and returns this value. The pause between two calls is `everyMs` at first,
 * and becomes longer during a long wait, because many conditions send requests. Throws an error after `withinMs`.
 */
export async function eventually<T>(
  what: string,
  condition: () => Promise<T> | T,
  withinMs = 60_000,
  everyMs = 50,
): Promise<Exclude<NonNullable<T>, false>> {
  const start = Date.now();
  for (;;) {
    const met = await condition();
    if (met !== undefined && met !== null && met !== false) return met as Exclude<NonNullable<T>, false>;
    const waitedMs = Date.now() - start;
    if (waitedMs > withinMs) throw new Error(`timed out after ${withinMs / 1_000} s while waiting for: ${what}`);
    const pauseMs = Math.min(Math.max(everyMs, waitedMs / 10), MAX_GROWTH * everyMs);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
