import { setTimeout as sleep } from 'node:timers/promises';

import type { Fault, Lab } from '../lab.ts';
import type { StoreFate, StoreFault } from '../store-proxy.ts';

async function during(ms: number, { system, signal }: Lab, fault: StoreFault): Promise<void> {
  const end = system.storeProxy.inject(fault);
  try {
    await sleep(ms, undefined, { signal });
  } finally {
    end();
  }
}

const storeFault = (
  name: string,
  says: string,
  fateOf: (lab: Lab, operation: string) => StoreFate | undefined,
): Fault => ({
  name,
  where: 'store',
  says,
  spanMs: 7_000,
  isMixable: true,
  inject: (lab) => during(6_000, lab, { onRequest: (operation) => fateOf(lab, operation) }),
});

// Longer than the request timeout of the DynamoDB clients.
const LONGER_THAN_PATIENCE_MS = 3_500;

export const storeFaults: readonly Fault[] = [
  storeFault('store-throttled', 'DynamoDB throttles 40 % of the requests', ({ random }) =>
    random.chance(0.4) ? { is: 'throttled' } : undefined,
  ),
  storeFault('store-errors', 'DynamoDB answers 30 % of the requests with status 500', ({ random }) =>
    random.chance(0.3) ? { is: 'server-error' } : undefined,
  ),
  storeFault(
    'answers-lost',
    'DynamoDB executes every request, but a third of the answers to writes are lost',
    ({ random }, operation) => {
      if (operation !== 'TransactWriteItems' && operation !== 'PutItem') return undefined;
      if (!random.chance(0.35)) return undefined;
      return { is: 'answer-lost', silentMs: random.chance(0.15) ? LONGER_THAN_PATIENCE_MS : undefined };
    },
  ),
  storeFault(
    'store-conflicts',
    'half of the transactions fail because they conflict with other transactions',
    ({ random }) => (random.chance(0.5) ? { is: 'conflict' } : undefined),
  ),
  {
    name: 'store-away',
    where: 'store',
    says: 'DynamoDB is unreachable for 20 s',
    spanMs: 22_000,
    isMixable: true,
    inject: (lab) => during(20_000, lab, { isUnavailable: true }),
  },
];
