import { hash } from 'node:crypto';

import { isThorough } from '../support/thorough.ts';
import type { Choose, WorldOptions } from '../../lib/testing/world-options.ts';
import type { Snapshot } from '../../lib/testing/world-state.ts';

/**
 * Thrown when a run of a scenario fails. Its message lists the choices (such as faults) with which the run can be
 * repeated.
 */
class Counterexample extends Error {
  override readonly name = 'Counterexample';
}

export type Exploration = Pick<WorldOptions, 'isExplored' | 'from'>;

type Scenario = (choose: Choose, exploration?: Exploration) => Promise<void>;

const SAMPLED_RUNS = 80;

/**
 * Runs a deterministic scenario many times, and returns the number of runs. In each run, `choose` makes different
 * choices, for example where a fault occurs. The choices are random; thorough tests try every combination instead.
 */
export const explore = (scenario: Scenario): Promise<number> =>
  isThorough ? exploreCompletely(scenario) : sample(scenario);

/** Runs `scenario` repeatedly. In each run, a random number generator makes the choices of the scenario. */
async function sample(scenario: Scenario): Promise<number> {
  for (let run = 0; run < SAMPLED_RUNS; run += 1) {
    const choices: number[] = [];
    const choose: Choose = (ways) => {
      // The first alternative is chosen most of the time. Otherwise every fault would happen at the first
      // opportunity.
      const choice = Math.random() < 0.7 ? 0 : Math.floor(Math.random() * ways);
      choices.push(choice);
      return choice;
    };
    await named(
      () => choices,
      () => scenario(choose),
    );
  }
  return SAMPLED_RUNS;
}

/**
 * Runs the scenario once for every possible sequence of its choices, in depth-first order. A run ends early when it
 * reaches a state that an earlier run has reached, because both runs would continue in the same way. A run does not
 * repeat the steps that it shares with the previous run: it resumes from the last snapshot taken before the two runs
 * diverge. Snapshots are taken only between batches.
 */
export async function exploreCompletely(scenario: Scenario, most = 1_000_000): Promise<number> {
  const explored = new Set<string>();
  let path: number[] = [];
  let met: { readonly ways: number; readonly taken: number }[] = [];
  let snapshots: { readonly choices: number; readonly snapshot: Snapshot }[] = [];
  for (let runs = 1; ; runs += 1) {
    const start = snapshots.at(-1);
    met = met.slice(0, start?.choices ?? 0);
    const choose: Choose = (ways) => {
      const taken = path[met.length] ?? 0;
      met.push({ ways, taken });
      return taken;
    };
    const isExplored: WorldOptions['isExplored'] = (state, snapshot) => {
      // The first choices of a run repeat those of the run before, and therefore lead through the same states.
      if (met.length < path.length) return false;
      const digest = hash('sha256', state());
      const isKnown = explored.has(digest);
      explored.add(digest);
      if (snapshot && !isKnown) snapshots.push({ choices: met.length, snapshot: snapshot() });
      return isKnown;
    };
    await named(
      () => met.map(({ taken }) => taken),
      () => scenario(choose, { isExplored, from: start?.snapshot }),
    );
    const last = met.findLastIndex(({ ways, taken }) => taken + 1 < ways);
    if (last === -1) return runs;
    if (runs >= most) throw new Error(`the model is too large to be explored: it needs more than ${most} runs`);
    path = [...met.slice(0, last).map(({ taken }) => taken), met[last]!.taken + 1];
    snapshots = snapshots.filter(({ choices }) => choices <= last);
  }
}

/** Runs a scenario once. If the run fails, throws an error that lists the choices made during the run. */
async function named(choices: () => readonly number[], run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    const path = choices().join(',');
    throw new Counterexample(`after the choices ${path}: ${(error as Error).message}`, { cause: error });
  }
}
