import { describe, expect, test } from '@jest/globals';
import { compactLogLine, isMetricLine } from '../../../infra/dev/runtime/log-line.ts';

describe('a log line on the console', () => {
  test('compactLogLine shows time, level, function, message, ids and the error, in this order', () => {
    const line = JSON.stringify({
      level: 'WARN',
      message: 'retry placed',
      timestamp: '2026-11-22T12:24:33.283Z',
      function: 'reserve-loans',
      messageId: 'm-1',
      xray_trace_id: '1-abc',
      queue: 'loans',
      attempt: 2,
      isbn: 'apple',
      error: { name: 'Error', message: 'store unavailable', stack: 'at …' },
    });
    expect(compactLogLine(line)).toBe(
      '12:24:33.283 WARN reserve-loans retry placed messageId=m-1 xray_trace_id=1-abc queue=loans attempt=2 (store unavailable)',
    );
  });

  test.each([
    [
      {
        message: 'message to be retried',
        messageId: 'm-1',
        delayQueue: 'retry.10s',
        delayMs: 10_000,
        reason: 'E',
        error: { message: 'it broke' },
      },
      'message to be retried messageId=m-1 delayQueue=retry.10s delayMs=10000 reason=E (it broke)',
    ],
    [
      { message: 'message rejected', queue: 'carrier', reason: 'ALREADY_SHIPPED' },
      'message rejected queue=carrier reason=ALREADY_SHIPPED',
    ],
    [
      {
        message: 'message completed',
        queue: 'loans',
        messageId: 'm-1',
        correlationId: 'm-1',
        traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
        spanId: '00f067aa0ba902b7',
        attempt: 1,
      },
      'message completed queue=loans messageId=m-1 traceId=4bf92f3577b34da6a3ce929d0e0e4736 attempt=1',
    ],
    [
      {
        message: 'batch processed',
        queue: 'loans',
        messages: 13,
        outcomes: { completed: 12, retry: 1 },
        notLogged: 2,
        durationMs: 30,
      },
      'batch processed queue=loans messages=13 completed=12 retry=1 notLogged=2 durationMs=30',
    ],
    [
      { message: 'many ids', queue: 'loans', messageIds: ['a', 'b', 'c', 'd'] },
      'many ids queue=loans messages=4 messageIds=a,b,c,…',
    ],
    [
      {
        message: 'request answered',
        requestId: 'r-1',
        method: 'GET',
        route: 'GET /status',
        status: 401,
        problem: 'no-token',
        detail: 'The request has no token.',
      },
      'request answered requestId=r-1 method=GET route=GET /status status=401 problem=no-token (The request has no token.)',
    ],
    [
      { message: 'request failed', route: 'GET /x', error: { code: 'UNKNOWN_ERROR', message: 'it broke' } },
      'request failed route=GET /x (it broke)',
    ],
    [
      {
        message: 'rule failed',
        reason: 'UNKNOWN_ERROR',
        messageIds: ['m-1'],
        frames: ['bill (functions/bill.ts:4:21)', 'functions/handler.ts:6:12'],
        error: { name: 'TypeError', message: "Cannot read properties of undefined (reading 'tier')", stack: '…' },
      },
      "rule failed reason=UNKNOWN_ERROR messages=1 messageIds=m-1 (Cannot read properties of undefined (reading 'tier')) at bill (functions/bill.ts:4:21)",
    ],
  ])('compactLogLine shows the relevant fields of example %#', (entry, shown) => {
    expect(compactLogLine(JSON.stringify(entry))).toBe(shown);
  });

  test.each([['Server ready: http://localhost:3000'], ['{"a":1}'], ['{broken'], ['']])(
    'compactLogLine returns undefined for the text %j, because the text is not a log entry',
    (line) => {
      expect(compactLogLine(line)).toBeUndefined();
    },
  );

  test('isMetricLine recognizes the embedded metric format', () => {
    expect(isMetricLine('{"_aws":{"Timestamp":1},"completed":1}')).toBe(true);
    expect(isMetricLine('{"level":"INFO","message":"done"}')).toBe(false);
  });
});
