import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

import { queues } from '../../support/example/topology.ts';
import { fromError, postponed, type Outcome } from '../../../lib/message/outcome.ts';
import { reportOf } from '../../../lib/consumer/report.ts';
import { consumerSettings } from '../../../lib/consumer/settings.ts';
import { recordTelemetry } from '../../../lib/consumer/telemetry.ts';
import { configureLog } from '../../../lib/runtime/log.ts';
import { readSettings } from '../../../lib/runtime/settings.ts';
import { aDelivery } from '../../support/delivery.ts';

process.env.POWERTOOLS_DEV = 'true';
process.env.POWERTOOLS_METRICS_DISABLED = 'false';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

let lines: Record<string, unknown>[];
let writes: number;
beforeEach(() => {
  lines = [];
  writes = 0;
  configureLog({ service: 'library', level: 'INFO' });
  for (const level of ['log', 'info', 'warn', 'error'] as const)
    jest.spyOn(console, level).mockImplementation((line: unknown) => void lines.push(JSON.parse(String(line))));
  jest.spyOn(process.stdout, 'write').mockImplementation((text: unknown) => {
    writes += 1;
    for (const line of String(text).trimEnd().split('\n')) lines.push(JSON.parse(line));
    return true;
  });
});
afterEach(() => void jest.restoreAllMocks());

const completed: Outcome = { is: 'completed', events: [] };
const duplicate: Outcome = { is: 'duplicate', events: [], isRetried: false };
const DUPLICATES_LOGGED = { OUTCOME_LOG_LEVELS: 'duplicate=INFO' };
const { loans } = queues;
const [delayQueue] = loans.delays;
const cause = { is: 'unknown' } as const;
const retry: Outcome = { is: 'retry', delayQueue: delayQueue!, code: 'LATER', message: 'the carrier is closed', cause };
const dead: Outcome = { is: 'dead-letter', origin: 'failed', code: 'POISON', message: 'it cannot be read', cause };

function record(outcomes: readonly Outcome[], environment: Record<string, string> = {}, id = 'm'): void {
  const results = outcomes.map((outcome, n) => ({
    is: 'result' as const,
    delivery: aDelivery({
      id: `${id}-${n}`,
      type: 'test.tallied',
      headers: { traceparent: `00-${TRACE}-${SPAN}-01` },
    }),
    outcome,
  }));
  recordTelemetry(reportOf(loans, results), results, {
    startedAtMs: 0,
    nowMs: 5,
    settings: readSettings(consumerSettings, environment),
  });
}

const counted = () => lines.find((line) => 'Completed' in line);
const logged = (message: string) => lines.filter((line) => line['message'] === message);

test('a postponed message counts in the metric Postponed and not in the metric Retried', () => {
  record([postponed('BLOCKED_BY_KEY', loans, 0)]);
  expect(counted()).toMatchObject({ queue: 'loans', Postponed: 1, Retried: 0 });
  expect(logged('message postponed')).toMatchObject([
    { level: 'INFO', messageId: 'm-0', attempt: 1, reason: 'BLOCKED_BY_KEY', delayQueue: 'retry.1s', delayMs: 1_000 },
  ]);
});

test('a message that will be retried counts in the metric Retried, and is logged with the code and the text of its error', () => {
  record([retry]);
  expect(counted()).toMatchObject({ Postponed: 0, Retried: 1 });
  expect(logged('message to be retried')).toMatchObject([
    { level: 'WARN', messageId: 'm-0', reason: 'LATER', error: { message: 'the carrier is closed' } },
  ]);
});

describe('the log lines of a batch', () => {
  test('each message has a log line with its ids, its trace id and its span id', () => {
    record([completed, { is: 'rejected', reason: 'SOLD_OUT', events: [] }, duplicate], DUPLICATES_LOGGED);
    const ids = (n: number) => ({
      service: 'library',
      queue: 'loans',
      messageId: `m-${n}`,
      correlationId: `m-${n}`,
      traceId: TRACE,
      spanId: SPAN,
      attempt: 1,
      timestamp: expect.any(String),
    });
    expect(logged('message completed')).toMatchObject([{ level: 'INFO', ...ids(0) }]);
    expect(logged('message rejected')).toMatchObject([{ level: 'INFO', reason: 'SOLD_OUT', ...ids(1) }]);
    expect(logged('duplicate skipped')).toMatchObject([{ level: 'INFO', ...ids(2) }]);
  });

  test('the log lines of all messages of a batch are written together, followed by a line with the number of messages per outcome', () => {
    record([completed, retry, completed, dead]);
    expect(writes).toBe(1);
    expect(logged('batch processed')).toMatchObject([
      {
        level: 'INFO',
        queue: 'loans',
        messages: 4,
        outcomes: { completed: 2, retry: 1, 'dead-letter': 1 },
        durationMs: 5,
      },
    ]);
    expect(logged('batch processed')[0]).not.toHaveProperty('notLogged');
  });

  test('if a batch has many completed messages, evenly spaced ones are logged and the others are only counted, but every failed message is logged', () => {
    const many = <T>(outcome: T) => Array.from({ length: 10 }, () => outcome);
    record([...many(completed), ...many(retry), ...many(dead)], { COMPLETED_LINES_PER_BATCH: '5' });
    expect(logged('message completed').map(({ messageId }) => messageId)).toEqual(['m-0', 'm-2', 'm-4', 'm-6', 'm-8']);
    expect([logged('message to be retried').length, logged('message dead-lettered').length]).toEqual([10, 10]);
    expect(logged('batch processed')).toMatchObject([{ messages: 30, notLogged: 5 }]);
  });

  test('a very long text in a log line is cut off', () => {
    record([{ is: 'rejected', reason: 'r'.repeat(900_000), events: [] }]);
    expect(logged('message rejected')).toMatchObject([{ reason: 'r'.repeat(20_000) }]);
  });

  test('with COMPLETED_LINES_PER_BATCH=0, no completed message and no duplicate has a log line', () => {
    record([completed, duplicate, retry], { ...DUPLICATES_LOGGED, COMPLETED_LINES_PER_BATCH: '0' });
    expect([logged('message completed'), logged('duplicate skipped')]).toEqual([[], []]);
    expect(logged('message to be retried')).toHaveLength(1);
    expect(logged('batch processed')).toMatchObject([{ notLogged: 2 }]);
  });

  test('OUTCOME_LOG_LEVELS sets the log level of each outcome, and lines below LOG_LEVEL are not written', () => {
    record([completed, duplicate, retry, dead], { OUTCOME_LOG_LEVELS: 'completed=DEBUG,dead-letter=ERROR' });
    expect(logged('message completed')).toEqual([]);
    expect(logged('duplicate skipped')).toEqual([]);
    expect(logged('message to be retried')).toMatchObject([{ level: 'WARN' }]);
    expect(logged('message dead-lettered')).toMatchObject([{ level: 'ERROR' }]);
    expect(logged('batch processed')).toMatchObject([{ outcomes: { completed: 1, duplicate: 1 } }]);
    expect(logged('batch processed')[0]).not.toHaveProperty('notLogged');
  });

  test.each([
    ['in an id', 'Bearer abc.def'],
    ['after an escaped character', 'x\nBearer abc.def'],
  ])('the log line of a message masks a bearer token that stands %s', (_, id) => {
    record([completed], {}, id);
    expect(JSON.stringify(lines)).not.toContain('abc.def');
    expect(logged('message completed')).toHaveLength(1);
  });

  test('each error that a rule threw is logged once per batch with its stack trace', () => {
    const error = { name: 'TypeError', message: 'broken', stack: 'functions/rule.ts:1:2' };
    const failed = fromError(
      new TypeError('broken'),
      1,
      { queue: loans, attempts: 3 },
      { is: 'thrown', error, frames: [] },
    );
    record([failed, failed]);
    expect(logged('rule failed')).toMatchObject([
      {
        level: 'WARN',
        reason: 'UNKNOWN_ERROR',
        failed: 2,
        messageIds: ['m-0', 'm-1'],
        traceId: TRACE,
        spanId: SPAN,
        error: { stack: 'functions/rule.ts:1:2' },
      },
    ]);
  });
});

test('the metric TimeToOutcome is measured from the AMQP timestamp if a message has no header surehop-published-at, and has no value for a message without a publish time', () => {
  const nowMs = Date.parse('2026-11-22T12:33:45Z');
  const results = ['Nov 22, 2026, 12:33:41 PM', null].map((timestamp) => ({
    is: 'result' as const,
    delivery: aDelivery({ type: 'test.tallied', timestamp }),
    outcome: completed,
  }));
  const settings = readSettings(consumerSettings, {});
  recordTelemetry(reportOf(loans, results), results, { startedAtMs: nowMs, nowMs, settings });
  expect(counted()).toMatchObject({ Completed: 2, TimeToOutcome: 4_000 });
});

test('the metrics of a batch contain the trace id of the slowest message and, for each outcome, the trace id of the first message with this outcome', () => {
  const traceparent = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`;
  const results = [completed, completed, retry].map((outcome, n) => {
    const delivery = aDelivery({ id: `m-${n}`, type: 'test.tallied' });
    const envelope = {
      ...delivery.envelope,
      traceparent: traceparent(String(n + 1)),
      publishedAt: new Date(10_000 - n * 1_000).toISOString(),
    };
    return { is: 'result' as const, delivery: { ...delivery, envelope }, outcome };
  });
  const settings = readSettings(consumerSettings, {});
  recordTelemetry(reportOf(loans, results), results, { startedAtMs: 0, nowMs: 20_000, settings });
  expect(counted()).toMatchObject({
    CompletedTraceId: '1'.repeat(32),
    RetriedTraceId: '3'.repeat(32),
    TimeToOutcome: [11_000, 10_000],
    TimeToOutcomeTraceId: '2'.repeat(32),
  });
  expect(counted()).not.toHaveProperty('DeadLetteredTraceId');
});
