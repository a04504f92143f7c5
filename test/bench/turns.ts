/** One side of a comparison, which does a part of its work per turn. */
export type Turn = () => Promise<void>;

/**
 * Runs the sides in turn and returns the total time of each, in ms. Garbage is collected between turns, and the first side
 * changes with every pass.
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
