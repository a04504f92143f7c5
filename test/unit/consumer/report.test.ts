import { expect, test } from '@jest/globals';

import { BatchUnfinishedError, reportOf } from '../../../lib/consumer/report.ts';
import type { Outcome } from '../../../lib/message/outcome.ts';
import { decode } from '../../../lib/message/delivery.ts';
import { anEvent, aRecord } from '../../support/delivery.ts';

const queue = { name: 'loans', deadLetterExchange: 'dead-letters' };
const LAMBDA_RESULT_BYTES = 6 * 1024 * 1024;

const resultsWith = (count: number, outcomeOf: (n: number) => Outcome) =>
  decode(anEvent(Array.from({ length: count }, (_, n) => aRecord({ id: `m${n}`.padEnd(255, 'x'), body: {} })))).map(
    (delivery, n) => ({ delivery, outcome: outcomeOf(n) }),
  );

test('the report of a batch with 10,000 failed messages counts all of them and stays below Lambda’s limit of 6 MB', () => {
  const results = resultsWith(10_000, () => ({
    is: 'dead-letter',
    origin: 'failed',
    code: 'X',
    message: 'x'.repeat(2_000),
    cause: { is: 'unknown' },
  }));
  const report = reportOf(queue, results);
  expect(report.counts['dead-letter']).toBe(10_000);
  expect(Buffer.byteLength(JSON.stringify(report))).toBeLessThan(LAMBDA_RESULT_BYTES / 10);
});

test('the report of a batch lists unfinished messages first if it cannot list all messages', () => {
  const results = resultsWith(1_000, (n) =>
    n < 999
      ? { is: 'dead-letter', origin: 'failed', code: 'X', message: 'x', cause: { is: 'unknown' } }
      : { is: 'unfinished', code: 'STORE_UNAVAILABLE', message: 'DynamoDB is down' },
  );
  const report = reportOf(queue, results);
  expect(report.notCompleted[0]).toMatchObject({ outcome: 'unfinished', code: 'STORE_UNAVAILABLE' });
  expect(new BatchUnfinishedError(report).message).toBe(
    '1 messages of the queue loans will be redelivered with their batch (STORE_UNAVAILABLE: DynamoDB is down)',
  );
});
