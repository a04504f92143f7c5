import type { Choose } from './world-options.ts';

/** How far a search goes. */
export interface Bounds {
  readonly deviations: number;
  readonly runs: number;
  readonly seed: number;
}

export interface Searched<F> {
  readonly failures: readonly F[];
  readonly runs: number;
  readonly deviations: number;
  readonly isComplete: boolean;
}

type Path = readonly number[];

/**
 * Runs a scenario with different sequences of choices. The choice 0 is the usual one; every other choice is a
 * deviation. First, the sequence without a deviation runs, then all sequences with one deviation, and so on, up to
 * `deviations`. After a run has failed, no sequences with more deviations run. At most `runs` sequences run: if there
 * are more, the last ones are a random sample.
 */
export async function search<F>(
  scenario: (choose: Choose) => Promise<F | undefined>,
  { deviations, runs: most, seed }: Bounds,
): Promise<Searched<F>> {
  const random = randomFrom(seed);
  let paths: Path[] = [[]];
  let [runs, isComplete] = [0, true];
  for (let depth = 0; ; depth += 1) {
    const failures: F[] = [];
    const next: Path[] = [];
    const tried = sample(paths, most - runs, random);
    isComplete &&= tried.length === paths.length;
    for (const path of tried) {
      const met: { readonly ways: number; readonly taken: number }[] = [];
      const choose: Choose = (ways) => {
        const taken = Math.min(path[met.length] ?? 0, ways - 1);
        met.push({ ways, taken });
        return taken;
      };
      const failure = await scenario(choose);
      runs += 1;
      if (failure !== undefined) failures.push(failure);
      const taken = met.map((one) => one.taken);
      for (let at = path.length; at < met.length; at += 1)
        for (let way = 1; way < met[at]!.ways; way += 1) next.push([...taken.slice(0, at), way]);
    }
    const isEnd = failures.length > 0 || depth >= deviations || next.length === 0;
    if (isEnd || runs >= most) return { failures, runs, deviations: depth, isComplete: isComplete && isEnd };
    paths = next;
  }
}

function sample<T>(entries: readonly T[], size: number, random: () => number): readonly T[] {
  if (entries.length <= size) return entries;
  const left = [...entries];
  return Array.from({ length: size }, () => left.splice(Math.floor(random() * left.length), 1)[0]!);
}

/** Returns a source of random numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
