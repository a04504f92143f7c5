/**
 * Calls `condition` every `everyMs` milliseconds until it returns a value, and returns this value. Throws an error after
 * `withinMs`.
 */
export async function eventually<T>(
  what: string,
  condition: () => Promise<T> | T,
  withinMs = 60_000,
  everyMs = 50,
): Promise<Exclude<NonNullable<T>, false>> {
  const end = Date.now() + withinMs;
  for (;;) {
    const met = await condition();
    if (met !== undefined && met !== null && met !== false) return met as Exclude<NonNullable<T>, false>;
    if (Date.now() > end) throw new Error(`timed out after ${withinMs / 1_000} s while waiting for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
