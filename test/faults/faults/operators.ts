import { setTimeout as sleep } from 'node:timers/promises';

import { declareTopology } from '../../../lib/rabbitmq/topology/declare.ts';
import { faultsTopology } from '../accounts.ts';
import type { Fault, Lab } from '../lab.ts';

interface RedriveReport {
  readonly redriven: number;
  readonly more: boolean;
}

async function redrive({ system }: Lab): Promise<RedriveReport> {
  const token = await system.service().token('dead-letters:redrive');
  const response = await fetch(`${system.url}/dead-letters/redrive`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ filter: { queue: 'stock', code: 'JAMMED' }, maximum: 50 }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST /dead-letters/redrive answered ${response.status}: ${text}`);
  return JSON.parse(text) as RedriveReport;
}

const FAILING_ORDERS = 60;

/** Creates a fault in which `atOnce` operators redrive the same dead letters at the same time. */
const redriven = (name: string, says: string, atOnce: number): Fault => ({
  name,
  where: 'operators',
  says,
  spanMs: 9_000,
  async inject(lab) {
    lab.system.sabotage({ isFailing: true });
    await lab.place(await lab.plan(FAILING_ORDERS, { broken: 100 }));
    await lab.quiet();
    lab.system.sabotage({ isFailing: false });
    for (let sentBack = 1; sentBack > 0;) {
      const reports = await Promise.all(Array.from({ length: atOnce }, () => redrive(lab)));
      sentBack = reports.reduce((sum, { redriven: count }) => sum + count, 0);
    }
  },
});

export const operatorFaults: readonly Fault[] = [
  redriven('redrive-under-load', 'dead letters are redriven while the consumers run', 1),
  redriven('redrive-twice-at-once', 'two operators redrive the same dead letters at the same time', 2),
  {
    name: 'topology-under-load',
    where: 'operators',
    says: 'the topology is applied to the broker six times while orders are placed',
    spanMs: 5_000,
    isMixable: true,
    async inject({ system, signal }) {
      for (let round = 0; round < 6; round += 1) {
        await declareTopology(system.operatorUrl, faultsTopology);
        await sleep(500, undefined, { signal });
      }
    },
  },
];
