import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';

import { queues } from '../../support/example/topology.ts';
import { postponed, type Outcome } from '../../../lib/consumer/outcome.ts';
import { reportOf } from '../../../lib/consumer/report.ts';
import { recordTelemetry } from '../../../lib/consumer/telemetry.ts';
import { aDelivery } from '../../support/delivery.ts';

process.env.POWERTOOLS_DEV = 'true';
process.env.POWERTOOLS_METRICS_DISABLED = 'false';
process.env.LOG_LEVEL = 'INFO';

let lines: Record<string, unknown>[];
beforeEach(() => {
  lines = [];
  for (const level of ['log', 'info', 'warn', 'error'] as const)
    jest.spyOn(console, level).mockImplementation((line: unknown) => void lines.push(JSON.parse(String(line))));
});
afterEach(() => void jest.restoreAllMocks());

function record(...outcomes: Outcome[]): void {
  const results = outcomes.map((outcome, n) => ({
    is: 'result' as const,
    delivery: aDelivery({ id: `m-${n}`, type: 'test.tallied' }),
    outcome,
  }));
  recordTelemetry(reportOf(queues.loans, results), results, { startedAtMs: 0, nowMs: 5 });
}

const counted = () => lines.find((line) => 'Completed' in line);
const logged = (message: string) => lines.filter((line) => line['message'] === message);

test('a postponed message counts in the metric Postponed and not in the metric Retried', () => {
  record(postponed('BLOCKED_BY_KEY', queues.loans, 0));
  expect(counted()).toMatchObject({ queue: 'loans', Postponed: 1, Retried: 0 });
  expect(logged('message postponed')).toMatchObject([
    { level: 'INFO', messageId: 'm-0', attempt: 1, reason: 'BLOCKED_BY_KEY', delayQueue: 'retry.1s', delayMs: 1_000 },
  ]);
});

test('a message that will be retried counts in the metric Retried, and is logged with the code and the text of its error', () => {
  const [delayQueue] = queues.loans.delays;
  record({ is: 'retry', delayQueue: delayQueue!, code: 'LATER', message: 'the carrier is closed' });
  expect(counted()).toMatchObject({ Postponed: 0, Retried: 1 });
  expect(logged('message to be retried')).toMatchObject([
    { level: 'WARN', messageId: 'm-0', reason: 'LATER', error: { message: 'the carrier is closed' } },
  ]);
});

test('the log has one line with the ids of all completed messages and one line with the ids of all duplicates', () => {
  const done: Outcome[] = [
    { is: 'completed', events: [] },
    { is: 'completed', events: [] },
    { is: 'duplicate', events: [] },
  ];
  record(...done);
  expect(logged('messages completed')).toMatchObject([{ queue: 'loans', messageIds: ['m-0', 'm-1'] }]);
  expect(logged('duplicates skipped')).toMatchObject([{ queue: 'loans', messageIds: ['m-2'] }]);
});
