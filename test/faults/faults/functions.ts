import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Fault, Lab } from '../lab.ts';
import { steps, type Kill, type Step } from '../functions/sabotage.ts';

// A dead letter reaches its consumer only after all retries.
const KILLED_WITHIN_MS = 60_000;

/**
 * Kills the process of a consumer when its next batch reaches the given step. Returns whether the process was killed
 * within the time limit.
 */
export async function killOnce({ system, random, signal }: Lab, place: Omit<Kill, 'id'>): Promise<boolean> {
  const kill = { ...place, id: `${Object.values(place).join(' ')} ${random.between(1, 1e9)}` };
  system.sabotage({ kills: [...system.sabotaged().kills, kill] });
  const end = performance.now() + KILLED_WITHIN_MS;
  const hasHappened = () => readFileSync(system.killsFile, 'utf8').split('\n').includes(kill.id);
  while (!hasHappened() && performance.now() < end) await sleep(20, undefined, { signal });
  system.sabotage({ kills: system.sabotaged().kills.filter(({ id }) => id !== kill.id) });
  return hasHappened();
}

/** The processing steps at which a fault can kill a consumer, by the name of the consumer's queue. */
const placesToDie: Record<string, readonly Step[]> = {
  stock: steps,
  points: steps.filter((step) => step !== 'emit'),
  'dead-letters': ['start', 'return'],
};

/** Kills the consumer of a queue once before and once after each of the given steps of processing a batch. */
async function killAtEach(lab: Lab, queue: string, steps: readonly Step[]): Promise<void> {
  for (const step of steps)
    for (const side of ['before', 'after'] as const) {
      let wasKilled = false;
      for (let tries = 2; tries > 0 && !wasKilled; tries -= 1) {
        // These orders cover every step: one publishes an event, one is retried, and one becomes a dead letter.
        const orders = await lab.plan(4, { soldout: 25, fails1: 25, poison: 25 });
        const kill = killOnce(lab, { queue, step, side });
        await lab.place(orders);
        wasKilled = await kill;
      }
      if (!wasKilled) lab.violated(`no batch of the queue ${queue} reached the point ${side} the step ${step}`);
    }
}

/**
 * Creates a fault: some orders crash the consumer of the queue `points`. The consumer must still process all other
 * orders.
 */
const killer = (
  name: string,
  says: string,
  kind: 'memory' | 'loop' | 'exit' | 'unhandled',
  killers: number,
): Fault => ({
  name,
  where: 'function',
  says,
  spanMs: 3_000,
  weight: 0.6,
  mix: { soldout: 5, fails1: 5, poison: 3 },
  recoverWithinMs: 120_000,
  async inject(lab) {
    const orders = await lab.plan(killers, { [kind]: 100 });
    await lab.place(orders.slice(0, killers));
  },
});

export const functionFaults: readonly Fault[] = [
  {
    name: 'killed-at-each-step',
    where: 'function',
    says: 'the process of a consumer is killed before and after each step of processing a batch',
    spanMs: 25_000,
    recoverWithinMs: 60_000,
    async inject(lab) {
      await Promise.all(Object.entries(placesToDie).map(([queue, steps]) => killAtEach(lab, queue, steps)));
    },
  },
  killer(
    'time-limit',
    'the business rule never ends for one order, whose attempts therefore use up whole invocations',
    'loop',
    1,
  ),
  killer('out-of-memory', 'some orders make the consumer run out of memory at every attempt', 'memory', 2),
  killer('kills-every-time', 'some orders make the process of the consumer exit at every attempt', 'exit', 3),
  killer('unhandled-rejection', 'some orders cause an unhandled promise rejection at every attempt', 'unhandled', 2),
  {
    name: 'service-killed',
    where: 'function',
    says: 'all functions and event sources are killed with SIGKILL at the same time and restarted',
    spanMs: 10_000,
    async inject({ system }) {
      await system.restartService();
    },
  },
];
