/** Runs the next batches of one side of a comparison, for example the batches of Surehop or of Powertools. */
export type Turn = () => Promise<void>;

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
