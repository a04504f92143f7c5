import { expect, test } from '@jest/globals';

import { copyOf, refuseUnwritable } from '../../../lib/consumer/copies.ts';
import type { Delivery } from '../../../lib/message/delivery.ts';
import type { Retried } from '../../../lib/message/outcome.ts';
import { readEnvelope } from '../../../lib/events/envelope.ts';
import type { Headers } from '../../../lib/events/message.ts';
import { unwritableParts } from '../../../lib/rabbitmq/encode-message.ts';
import { redrivenCopy, retryCopy } from '../../../lib/events/copies.ts';
import { aDelivery } from '../../support/delivery.ts';

const at = '2026-11-22T12:00:00.000Z';
const queue = { name: 'loans', shards: ['loans'], ordered: false, delays: [], deadLetterExchange: 'dlx', bindings: [] };
const delayQueue = { name: 'retry.1s', delayMs: 1_000 };
const retried: Retried = { is: 'retry', delayQueue, code: 'BOOM', message: 'it went off', cause: { is: 'unknown' } };
const copyFor = (delivery: Delivery) => copyOf(delivery, retried, queue, at).copy;
const failedAttemptsIn = (headers: Headers) => readEnvelope(headers).failedAttempts;

test('each retry copy lists all earlier failed attempts of its message', () => {
  const first = copyFor(aDelivery());
  const one = { attempt: 1, at, delayMs: 1_000, code: 'BOOM', message: 'it went off' };
  expect(failedAttemptsIn(first.properties.headers)).toEqual([one]);
  const second = copyFor(aDelivery({ headers: first.properties.headers }));
  expect(failedAttemptsIn(second.properties.headers)).toEqual([one, { ...one, attempt: 2 }]);
  const postponed = copyOf(
    aDelivery({ headers: second.properties.headers }),
    { ...retried, is: 'postponed' },
    queue,
    at,
  );
  expect(failedAttemptsIn(postponed.copy.properties.headers)).toHaveLength(2);
});

test('a redriven copy has no list of failed attempts, because the attempts are counted from 1 again after a redrive', () => {
  const failed = copyFor(aDelivery());
  const copy = redrivenCopy(failed, { exchange: '', routingKey: 'loans' }, { redrives: 1, at });
  expect(failedAttemptsIn(copy.properties.headers)).toBeUndefined();
});

test('a message whose headers leave no room for the list of failed attempts is retried without the list', () => {
  const deliveryWith = (length: number) => aDelivery({ headers: { filler: 'x'.repeat(length) } });
  const fits = (length: number) =>
    unwritableParts(retryCopy(deliveryWith(length), 'loans', 'retry.1s', 2)).length === 0;
  let [length, tooLong] = [0, 200_000];
  while (tooLong - length > 1) {
    const middle = Math.floor((length + tooLong) / 2);
    if (fits(middle)) length = middle;
    else tooLong = middle;
  }
  const delivery = deliveryWith(length);
  expect(refuseUnwritable(delivery, retried, at)).toBe(retried);
  const { headers } = copyFor(delivery).properties;
  expect([headers['surehop-attempt'], failedAttemptsIn(headers)]).toEqual([2, undefined]);
  expect(failedAttemptsIn(copyFor(deliveryWith(length - 2_000)).properties.headers)).toHaveLength(1);
});
