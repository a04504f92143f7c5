/** Chooses one of so many ways to go on, counted from 0. */
export type Choose = (ways: number) => number;

/** A run that went wrong, with the choices that lead there again. */
class Counterexample extends Error {
  override readonly name = 'Counterexample';
}

/**
 * Runs `scenario` once for every sequence of choices that it can meet, in depth-first order; returns how many there were.
 * It must do the same whenever it is given the same choices.
 */
export async function explore(scenario: (choose: Choose) => Promise<void>, most = 1_000_000): Promise<number> {
  let path: number[] = [];
  for (let runs = 1; ; runs += 1) {
    const met: { readonly ways: number; readonly taken: number }[] = [];
    const choose: Choose = (ways) => {
      const taken = path[met.length] ?? 0;
      met.push({ ways, taken });
      return taken;
    };
    try {
      await scenario(choose);
    } catch (error) {
      const choices = met.map(({ taken }) => taken).join(',');
      throw new Counterexample(`after the choices ${choices}: ${(error as Error).message}`, { cause: error });
    }
    const last = met.findLastIndex(({ ways, taken }) => taken + 1 < ways);
    if (last === -1) return runs;
    if (runs >= most) throw new Error(`more than ${most} runs: the model is too large to be explored`);
    path = [...met.slice(0, last).map(({ taken }) => taken), met[last]!.taken + 1];
  }
}
