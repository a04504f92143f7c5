/**
 * Calls `condition` repeatedly until it returns a value other than `undefined`, `null` and `false`, and returns this
 * value. Throws an error after one minute.
 */
export async function eventually<T>(
  what: string,
  condition: () => Promise<T> | T,
): Promise<Exclude<NonNullable<T>, false>> {
  const end = Date.now() + 60_000;
  for (;;) {
    const met = await condition();
    if (met !== undefined && met !== null && met !== false) return met as Exclude<NonNullable<T>, false>;
    if (Date.now() > end) throw new Error(`timed out after one minute while waiting for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
