import type { Fault, Lab } from '../lab.ts';
import type { Random } from '../random.ts';

const LANES = 2;

/** Creates a fault that injects `count` randomly chosen other faults, two at a time. */
export function mixed(name: string, faults: readonly Fault[], count: number, random: Random): Fault {
  const chosen = faults
    .filter(({ isMixable }) => isMixable)
    .map((fault) => ({ fault, at: random.next() }))
    .toSorted((one, other) => one.at - other.at)
    .slice(0, count)
    .map(({ fault }) => fault);
  const lanes = Array.from({ length: LANES }, (_, lane) => chosen.filter((_, index) => index % LANES === lane));
  const spanMs = Math.max(...lanes.map((lane) => lane.reduce((sum, fault) => sum + fault.spanMs, 0)));
  return {
    name,
    where: 'mixed',
    says: chosen.map((fault) => fault.name).join(' + '),
    spanMs,
    weight: 2,
    recoverWithinMs: 60_000,
    async inject(lab: Lab) {
      await Promise.all(
        lanes.map(async (lane) => {
          for (const fault of lane) if (!fault.cannot?.(lab.system)) await fault.inject(lab);
        }),
      );
    },
  };
}
