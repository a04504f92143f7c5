import { describe, expect, test } from '@jest/globals';

import { violationsOf, type Account, type AuditResult } from '../../model/invariants.ts';
import type { Fault } from '../../faults/lab.ts';
import { markdownTable, rowOf, total } from '../../faults/report.ts';
import { progressLine } from '../../faults/rounds.ts';

const fault: Fault = { name: 'any', where: 'broker', says: '', spanMs: 0, inject: async () => {} };

const account = (id: string, about: Partial<Account>): Account => ({
  id,
  consumer: 'loans',
  answer: 'accepted',
  isPoison: false,
  ends: ['completed'],
  applied: 1,
  due: 1,
  ...about,
});

function rowFor(accounts: readonly Account[], unexpected: readonly string[] = []) {
  const audited: AuditResult = { accounts, sums: [], unexpected, waiting: 0, outOfOrder: [] };
  return rowOf({ fault, audited, violations: violationsOf(audited), tookMs: 0, duplicates: 0 });
}

describe("the table of fault runs, in the words of RabbitMQ's Jepsen tests", () => {
  test('the report of a fault run counts an accepted message without a final state as lost', () => {
    expect(rowFor([account('a', { ends: [], applied: 0 })])).toMatchObject({ accepted: 1, lost: 1, duplicated: 0 });
  });

  test('the report of a fault run counts a message as duplicated if its effects were applied twice or if it has two final states', () => {
    const row = rowFor([
      account('a', { applied: 2 }),
      account('b', { ends: ['completed', 'completed'] }),
      account('c', {}),
    ]);
    expect(row).toMatchObject({ duplicated: 2, lost: 0, completed: 3 });
  });

  test('the report of a fault run counts a processed message as unexpected if the API had rejected it or no client had sent it', () => {
    expect(rowFor([account('a', { answer: 'refused' })], ['stranger'])).toMatchObject({ unexpected: 2, accepted: 0 });
  });

  test('if a client got no response to the request for a message, the report of a fault run counts the message as indeterminate, and also as recovered if the message was processed', () => {
    const there = account('a', { answer: 'indeterminate' });
    const absent = account('b', { answer: 'indeterminate', ends: [], applied: 0 });
    expect(rowFor([there, absent])).toMatchObject({ indeterminate: 2, recovered: 1, violations: 0 });
  });

  test('the last row of the table of fault runs contains the sums of the other rows', () => {
    const rows = [rowFor([account('a', { applied: 2 })]), rowFor([account('b', { answer: 'indeterminate' })])];
    expect(total(rows)).toMatchObject({ fault: 'all 2', accepted: 1, recovered: 1, duplicated: 1, unexpected: 0 });
    expect(markdownTable(rows).split('\n')[0]).toContain('| lost | duplicated | unexpected |');
  });
});

describe('the progress of a soak run', () => {
  const now = new Date(2026, 10, 26, 22, 0);
  const run = { drawn: 9, sent: 5_000, messages: 20_000, tookMinutes: 10, minutes: Number.POSITIVE_INFINITY, now };

  test('the progress line of a soak run shows how many messages were sent and when the run is expected to end', () => {
    expect(progressLine(run)).toBe(
      '9 faults, 5,000 of 20,000 messages, 10.0 minutes: 25 %, expected to end in 30 minutes, at 22:30',
    );
  });

  test('if a soak run will reach its time limit before its message limit, its progress line shows the elapsed percentage of the time limit', () => {
    expect(progressLine({ ...run, minutes: 20 })).toContain('50 %, expected to end in 10 minutes, at 22:10');
  });
});
