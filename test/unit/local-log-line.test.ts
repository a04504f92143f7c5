import { describe, expect, test } from '@jest/globals';
import { compactLogLine, isMetricLine } from '../../infra/local/parts/log-line.ts';

describe('a log line on the console', () => {
  test('shows time, level, function, message, ids and what went wrong, in this order', () => {
    const line = JSON.stringify({
      level: 'WARN',
      message: 'retry placed',
      timestamp: '2026-11-22T12:24:33.283Z',
      function: 'reserve-stock',
      messageId: 'm-1',
      xray_trace_id: '1-abc',
      queue: 'stock',
      attempt: 2,
      sku: 'apple',
      error: { name: 'Error', message: 'store away', stack: 'at …' },
    });
    expect(compactLogLine(line)).toBe(
      '12:24:33.283 WARN reserve-stock retry placed messageId=m-1 xray_trace_id=1-abc queue=stock attempt=2 (store away)',
    );
  });

  test.each([['Server ready: http://localhost:3000'], ['{"a":1}'], ['{broken'], ['']])('%j is no log line', (line) => {
    expect(compactLogLine(line)).toBeUndefined();
  });

  test('a metric in the embedded format is told apart', () => {
    expect(isMetricLine('{"_aws":{"Timestamp":1},"completed":1}')).toBe(true);
    expect(isMetricLine('{"level":"INFO","message":"done"}')).toBe(false);
  });
});
