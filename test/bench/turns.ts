/** A side of a comparison: does a share of its work and resolves when that is done. */
export type Turn = () => Promise<void>;

/**
 * Lets the sides work in turn, so many times, and gives the ms that each took in all. What one side leaves for the
 * garbage collector is cleared away before the next begins. The first to go changes with every pass.
 */
export async function inTurns<Side extends string>(
  sides: Readonly<Record<Side, Turn>>,
  passes: number,
): Promise<Record<Side, number>> {
  const names = Object.keys(sides) as Side[];
  const tookMs = Object.fromEntries(names.map((name) => [name, 0])) as Record<Side, number>;
  for (let pass = 0; pass < passes; pass += 1) {
    for (const name of pass % 2 === 0 ? names : names.toReversed()) {
      globalThis.gc?.({ type: 'minor' });
      const startedAtMs = performance.now();
      await sides[name]();
      tookMs[name] += performance.now() - startedAtMs;
    }
  }
  return tookMs;
}
