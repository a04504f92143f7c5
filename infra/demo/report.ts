import type { Ledger } from './ledger.ts';
import type { Plan } from './orders.ts';

export interface Run {
  readonly ledger: Ledger;
  /** The number of requests that the service did not answer with 202 and that the demo therefore repeated. */
  readonly refusals: number;
  readonly duplicates: number;
  readonly retried: number;
}

export function reportOf(plan: Plan, { ledger, refusals, duplicates, retried }: Run): string {
  const { accepted, completed, rejected, deadLettered, lost, appliedTwice, wrong, stock, points } = ledger;
  const rows: [string, string][] = [
    [
      'accepted',
      `${accepted}  (${plan.sentTwice} sent twice; ${refusals} refused requests repeated with the same key)`,
    ],
    ['completed', String(completed)],
    ['rejected', `${rejected}  (${plan.soldOut} orders for a sold-out SKU)`],
    ['duplicates skipped', String(duplicates)],
    ['retried', String(retried)],
    ['dead-lettered', `${deadLettered}  (${plan.malformed} malformed messages, in 2 queues each)`],
    ['lost', String(lost.length)],
    ['applied twice', String(appliedTwice.length)],
    ['stock', `expected ${stock.expected}, found ${stock.found}`],
    ['points', `expected ${points.expected}, found ${points.found}`],
  ];
  const faulty = Object.entries({ lost, 'applied twice': appliedTwice, 'unexpected outcome': wrong });
  return [
    '',
    ...rows.map(([name, value]) => `  ${name.padEnd(20)}${value}`),
    '',
    ...faulty.flatMap(([name, ids]) => (ids.length > 0 ? [`  ${name}: ${ids.join(' ')}`] : [])),
    ledger.isBalanced ? 'the ledger balances\n' : 'THE LEDGER DOES NOT BALANCE\n',
  ].join('\n');
}
