import { describe, expect, test } from '@jest/globals';

import { deadLetterCopy, redrivenCopy, retryCopy } from '../../../lib/events/copies.ts';
import { readEnvelope } from '../../../lib/events/envelope.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { aDelivery } from '../../support/delivery.ts';

const note = {
  id: 'd-1' as MessageId,
  code: 'MALFORMED',
  reason: 'r'.repeat(5_000),
  queue: 'loans',
  at: '2026-11-22T12:00:00.000Z',
};

describe('a retry copy', () => {
  test('a retry copy is the same message with the next attempt number, published to a delay queue that later returns it to its work queue', () => {
    const delivery = aDelivery({ id: 'm-1', body: { a: 1 }, headers: { 'surehop-attempt': 2, tenant: 'blue' } });
    const copy = retryCopy(delivery, 'loans', 'retry.2s', 3);
    expect(copy).toMatchObject({ exchange: 'retry.2s', routingKey: 'loans', properties: { messageId: 'm-1' } });
    expect(copy.body).toBe(delivery.body);
    expect(copy.properties.headers).toEqual({ tenant: 'blue', 'surehop-attempt': 3 });
  });

  test('a retry copy has no headers that only the broker writes and no headers that would route the copy to other queues', () => {
    const headers = {
      CC: ['notices'],
      BCC: ['notices'],
      'x-death': [],
      'x-first-death-queue': 'q',
      'x-delivery-count': 4,
      kept: 1,
    };
    expect(retryCopy(aDelivery({ headers }), 'loans', 'retry.1s', 2).properties.headers).toEqual({
      kept: 1,
      'surehop-attempt': 2,
    });
  });

  test('a retry copy has neither the expiration nor the user id of the original message', () => {
    const names = Object.keys(retryCopy(aDelivery(), 'loans', 'retry.1s', 2).properties);
    expect(names).not.toContain('expiration');
    expect(names).not.toContain('userId');
  });
});

describe('a dead letter', () => {
  test('a dead letter has the code, the queue and the time of the failure, and a reason of at most 1,000 characters', () => {
    const { deadLetter } = readEnvelope(deadLetterCopy(aDelivery(), 'dead-letters', note).properties.headers);
    expect(deadLetter).toEqual({ ...note, reason: 'r'.repeat(1_000) });
  });

  test('a redriven dead letter is published directly to its original queue, and its attempt number is 1 again', () => {
    const dead = deadLetterCopy(aDelivery({ headers: { 'surehop-attempt': 4 } }), 'dead-letters', note);
    const copy = redrivenCopy(
      dead,
      { exchange: '', routingKey: 'loans' },
      { redrives: 1, at: '2026-11-22T12:00:00.000Z' },
    );
    expect(copy).toMatchObject({ exchange: '', routingKey: 'loans' });
    expect(readEnvelope(copy.properties.headers)).toMatchObject({ attempt: 1, redrives: 1, deadLetter: undefined });
  });
});
