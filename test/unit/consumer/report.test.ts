import { expect, test } from '@jest/globals';

import { BatchUnfinishedError, reportOf } from '../../../lib/consumer/report.ts';
import type { Outcome } from '../../../lib/consumer/outcome.ts';
import { decode } from '../../../lib/consumer/delivery.ts';
import { anEvent, aRecord } from '../../support/delivery.ts';

const queue = { name: 'stock', deadLetterExchange: 'dead-letters' };
const LAMBDA_RESULT_BYTES = 6 * 1024 * 1024;

const worksWith = (count: number, outcomeOf: (n: number) => Outcome) =>
  decode(anEvent(Array.from({ length: count }, (_, n) => aRecord({ id: `m${n}`.padEnd(255, 'x'), body: {} })))).map(
    (delivery, n) => ({ delivery, outcome: outcomeOf(n) }),
  );

test('a report of 10,000 failed messages stays below what Lambda takes as a result, and counts them all', () => {
  const works = worksWith(10_000, () => ({ is: 'dead-letter', code: 'X', message: 'x'.repeat(2_000) }));
  const report = reportOf(queue, works);
  expect(report.counts['dead-letter']).toBe(10_000);
  expect(Buffer.byteLength(JSON.stringify(report))).toBeLessThan(LAMBDA_RESULT_BYTES / 10);
});

test('a report that names some of its messages only names those that come back', () => {
  const works = worksWith(1_000, (n) =>
    n < 999
      ? { is: 'dead-letter', code: 'X', message: 'x' }
      : { is: 'unfinished', code: 'STORE_UNAVAILABLE', message: 'away' },
  );
  const report = reportOf(queue, works);
  expect(report.notCompleted[0]).toMatchObject({ outcome: 'unfinished', code: 'STORE_UNAVAILABLE' });
  expect(new BatchUnfinishedError(report).message).toBe(
    '1 messages of the queue stock come back with their batch (STORE_UNAVAILABLE: away)',
  );
});
