/** Asks until `condition` gives something other than `undefined`, `false` or `null`; fails, saying what was waited for, after a minute. */
export async function eventually<T>(
  what: string,
  condition: () => Promise<T> | T,
): Promise<Exclude<NonNullable<T>, false>> {
  const end = Date.now() + 60_000;
  for (;;) {
    const met = await condition();
    if (met !== undefined && met !== null && met !== false) return met as Exclude<NonNullable<T>, false>;
    if (Date.now() > end) throw new Error(`waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
