import type { Account } from '../model/invariants.ts';
import type { Outcome } from './run-fault.ts';

/** One row in the table of results, with the outcomes of the messages that were sent during one fault. */
export interface Row {
  readonly fault: string;
  readonly accepted: number;
  /** The number of messages whose sender does not know whether the message was accepted. */
  readonly indeterminate: number;
  /** The number of processed messages whose sender does not know whether the service accepted the message. */
  readonly recovered: number;
  readonly completed: number;
  readonly rejected: number;
  readonly deadLettered: number;
  /** The number of accepted messages that never reached a final state. */
  readonly lost: number;
  /** The number of messages that have several final states, or whose effects were applied more than once. */
  readonly duplicated: number;
  /**
   * The number of inbox markers, dead letters and effects in DynamoDB that belong to a message which the service
   * refused, or which was never sent.
   */
  readonly unexpected: number;
  readonly wronglyDeadLettered: number;
  readonly recoveryMs: number;
  /** The number of duplicate messages that consumers skipped. */
  readonly copiesDropped: number;
  readonly violations: number;
}

export function rowOf({ fault, audited, violations, duplicates }: Outcome): Row {
  const messages = new Map<string, Account[]>();
  for (const account of audited.accounts) messages.set(account.id, [...(messages.get(account.id) ?? []), account]);
  const row = { accepted: 0, indeterminate: 0, recovered: 0, completed: 0, rejected: 0, deadLettered: 0 };
  for (const accounts of messages.values()) {
    const { answer } = accounts[0]!;
    if (answer === 'accepted') row.accepted += 1;
    if (answer === 'indeterminate') row.indeterminate += 1;
    const ends = new Set(accounts.flatMap((account) => account.ends));
    if (answer === 'indeterminate' && ends.size > 0) row.recovered += 1;
    if (ends.has('dead-lettered')) row.deadLettered += 1;
    else if (ends.has('rejected')) row.rejected += 1;
    else if (ends.has('completed')) row.completed += 1;
  }
  return {
    fault: fault.name,
    ...row,
    lost: violations.lost?.length ?? 0,
    duplicated: (violations.appliedTwice?.length ?? 0) + (violations.endedTwice?.length ?? 0),
    unexpected: violations.unexpected?.length ?? 0,
    wronglyDeadLettered: violations.wronglyDeadLettered?.length ?? 0,
    recoveryMs: audited.recovery?.tookMs ?? 0,
    copiesDropped: duplicates,
    violations: Object.values(violations).reduce((sum, ids) => sum + ids.length, 0),
  };
}

/**
 * The columns of the table of results. The terms lost, duplicated, unexpected and recovered mean the same as in
 * RabbitMQ's Jepsen tests (https://github.com/rabbitmq/jepsen).
 */
const columns: readonly [title: string, value: (row: Row) => string][] = [
  ['accepted', ({ accepted }) => String(accepted)],
  ['indeterminate', ({ indeterminate }) => String(indeterminate)],
  ['recovered', ({ recovered }) => String(recovered)],
  ['completed', ({ completed }) => String(completed)],
  ['rejected', ({ rejected }) => String(rejected)],
  ['dead-lettered', ({ deadLettered }) => String(deadLettered)],
  ['lost', ({ lost }) => String(lost)],
  ['duplicated', ({ duplicated }) => String(duplicated)],
  ['unexpected', ({ unexpected }) => String(unexpected)],
  ['wrongly dead-lettered', ({ wronglyDeadLettered }) => String(wronglyDeadLettered)],
  ['recovery s', ({ recoveryMs }) => (recoveryMs / 1_000).toFixed(1)],
  ['copies dropped', ({ copiesDropped }) => String(copiesDropped)],
];

const NAME_WIDTH = 30;

export const headLine = (): string => 'fault'.padEnd(NAME_WIDTH) + columns.map(([title]) => title).join('  ');

export const rowLine = (row: Row): string =>
  row.fault.padEnd(NAME_WIDTH) +
  columns.map(([title, value]) => value(row).padStart(title.length)).join('  ') +
  (row.violations > 0 ? `  ${row.violations} VIOLATIONS` : '');

export function total(rows: readonly Row[]): Row {
  const sum = (of: (row: Row) => number) => rows.reduce((total, row) => total + of(row), 0);
  return {
    fault: `all ${rows.length}`,
    accepted: sum((row) => row.accepted),
    indeterminate: sum((row) => row.indeterminate),
    recovered: sum((row) => row.recovered),
    completed: sum((row) => row.completed),
    rejected: sum((row) => row.rejected),
    deadLettered: sum((row) => row.deadLettered),
    lost: sum((row) => row.lost),
    duplicated: sum((row) => row.duplicated),
    unexpected: sum((row) => row.unexpected),
    wronglyDeadLettered: sum((row) => row.wronglyDeadLettered),
    recoveryMs: Math.max(0, ...rows.map(({ recoveryMs }) => recoveryMs)),
    copiesDropped: sum((row) => row.copiesDropped),
    violations: sum((row) => row.violations),
  };
}

export function markdownTable(rows: readonly Row[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(['fault', ...columns.map(([title]) => title)]),
    line(['---', ...columns.map(() => '---:')]),
    ...rows.map((row) => line([row.fault, ...columns.map(([, value]) => value(row))])),
  ].join('\n');
}
