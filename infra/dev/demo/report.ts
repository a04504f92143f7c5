import type { Books } from './ledger.ts';
import type { Plan } from './orders.ts';

/** What came of the demo. */
export interface Run {
  readonly books: Books;
  /** Answers that were no 202, each followed by the same request again. */
  readonly refusals: number;
  readonly duplicates: number;
  readonly retried: number;
}

/** What is printed at the end. */
export function tableOf(plan: Plan, { books, refusals, duplicates, retried }: Run): string {
  const { accepted, completed, rejected, deadLettered, lost, appliedTwice, wrong, stock, points } = books;
  const rows: [string, string][] = [
    [
      'accepted',
      `${accepted}  (${plan.sentTwice} of them sent twice; ${refusals} refusals sent again with the same key)`,
    ],
    ['completed', String(completed)],
    ['rejected', `${rejected}  (${plan.soldOut} asked for a sold-out SKU)`],
    ['duplicates dropped', String(duplicates)],
    ['retried', String(retried)],
    ['dead-lettered', `${deadLettered}  (${plan.malformed} malformed messages, in 2 queues each)`],
    ['lost', String(lost.length)],
    ['applied twice', String(appliedTwice.length)],
    ['stock', `expected ${stock.expected}, found ${stock.found}`],
    ['points', `expected ${points.expected}, found ${points.found}`],
  ];
  const faulty = Object.entries({ lost, 'applied twice': appliedTwice, 'ended wrongly': wrong });
  return [
    '',
    ...rows.map(([name, value]) => `  ${name.padEnd(20)}${value}`),
    '',
    ...faulty.flatMap(([name, ids]) => (ids.length > 0 ? [`  ${name}: ${ids.join(' ')}`] : [])),
    books.balance ? 'the books balance\n' : 'THE BOOKS DO NOT BALANCE\n',
  ].join('\n');
}
