import { setTimeout as sleep } from 'node:timers/promises';

import { queues } from '../../../infra/topology.ts';
import { steps } from '../functions/sabotage.ts';
import type { Fault } from '../lab.ts';
import { usualMix } from '../orders.ts';
import { killOnce } from './functions.ts';

const KILLS = 8;

/**
 * Creates a scenario for the fault tests: several Lambda execution environments consume each queue, messages are sent
 * more than once, acknowledgements are lost, and processes are killed.
 */
const severalAtWork = (name: string, environments: number): Fault => ({
  name,
  where: 'environments',
  says: `${environments} execution environments consume each queue while messages are sent two or three times, acknowledgements are lost and processes are killed`,
  environments,
  spanMs: 15_000,
  weight: 1.5,
  mix: { ...usualMix, twice: 20, thrice: 15, fails1: 12, fails3: 3, poison: 6 },
  recoverWithinMs: 60_000,
  async inject(lab) {
    const { system, random, signal, foreign, plan } = lab;
    const end = system.consuming.inject({
      onAcknowledge: () => (random.chance(0.05) ? 'reset-before' : 'pass'),
    });
    try {
      for (const order of await plan(60, { soldout: 15, fails1: 15, poison: 10, thrice: 100 }))
        await foreign.order(order);
      for (let kills = 0; kills < KILLS; kills += 1) {
        const queue = random.pick(Object.values(queues)).name;
        const step = random.pick(steps.filter((each) => each !== 'emit'));
        const orders = await plan(8, { soldout: 15, fails1: 25, poison: 25, twice: 50 });
        const kill = killOnce(lab, { queue, step, side: random.pick(['before', 'after']) });
        for (const order of orders) await foreign.order(order);
        await kill;
        // A successful batch in between resets the event source's backoff.
        await sleep(300, undefined, { signal });
      }
    } finally {
      end();
    }
  },
});

export const environmentFaults: readonly Fault[] = [
  severalAtWork('two-environments', 2),
  severalAtWork('four-environments', 4),
];
