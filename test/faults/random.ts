export interface Random {
  /** Returns a random number from 0 (inclusive) to 1 (exclusive). */
  next(): number;
  chance(probability: number): boolean;
  /** Returns a random whole number from `lowest` to `highest`, both inclusive. */
  between(lowest: number, highest: number): number;
  pick<T>(choices: readonly T[]): T;
  /** Returns a new random number generator, which depends only on the seed and on `name`. */
  fork(name: string): Random;
}

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (lowest: number, highest: number) => lowest + Math.floor(next() * (highest - lowest + 1));
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    pick: (choices) => choices[between(0, choices.length - 1)]!,
    fork: (name) => seeded(Buffer.from(name).reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), seed)),
  };
}
