import { describe, expect, test } from '@jest/globals';

import { queues } from '../../support/example/topology.ts';
import { deadLetterFrom } from '../../../lib/dead-letters/origin.ts';
import { aDelivery, type GivenHeaders } from '../../support/delivery.ts';

const nowMs = Date.parse('2026-11-22T12:00:00.000Z');
const id = '0b1f9d3e-5d53-5c55-9d16-7c1a5f7f0c11';

const note = {
  'surehop-dead-letter-id': '7d1c2c52-9b7e-5b9b-8d4e-3a4dd1f3f0a1',
  'surehop-dead-letter-code': 'ATTEMPTS_EXHAUSTED',
  'surehop-dead-letter-reason': '4 attempts failed',
  'surehop-dead-letter-queue': 'notices',
  'surehop-dead-lettered-at': '2026-11-22T11:00:00.000Z',
  'surehop-attempt': 4,
  'surehop-published-at': '2026-11-22T10:59:00.000Z',
};

/** The headers that RabbitMQ 3.10.8 and 4.3.6 write for a message that went through a delay queue and then expired in its work queue. */
const death = {
  'x-death': [
    { count: 1, reason: 'expired', queue: 'loans', time: 1_795_345_200, exchange: '', 'routing-keys': ['loans'] },
    {
      count: 1,
      reason: 'expired',
      queue: 'retry.1s',
      time: 1_795_345_100,
      exchange: 'retry.1s',
      'routing-keys': ['loans'],
    },
  ],
  'x-first-death-exchange': 'retry.1s',
  'x-first-death-queue': 'retry.1s',
  'x-first-death-reason': 'expired',
  'surehop-attempt': 2,
};

const of = (headers: GivenHeaders, about: { id?: string | null; body?: unknown } = {}) =>
  deadLetterFrom(aDelivery({ id, headers, ...about }, 'dead-letters'), Object.values(queues), nowMs);

describe('the origin of a dead letter', () => {
  test('the dead letter of a message that a consumer dead-lettered has the queue, code and reason that the consumer gave', () => {
    expect(of(note)).toMatchObject({
      id: note['surehop-dead-letter-id'],
      messageId: id,
      queue: 'notices',
      code: 'ATTEMPTS_EXHAUSTED',
      reason: '4 attempts failed',
      attempt: 4,
      deadLetteredAt: '2026-11-22T11:00:00.000Z',
      publishedAt: '2026-11-22T10:59:00.000Z',
      archivedAt: '2026-11-22T12:00:00.000Z',
      status: 'open',
    });
  });

  test('if the broker dead-lettered a message, its dead letter names the queue of the newest x-death entry, not an earlier delay queue', () => {
    expect(of(death)).toMatchObject({
      queue: 'loans',
      code: 'EXPIRED',
      attempt: 2,
      deadLetteredAt: new Date(1_795_345_200_000).toISOString(),
    });
  });

  test.each([
    ['expired', 'EXPIRED'],
    ['delivery_limit', 'DELIVERY_LIMIT'],
    ['maxlen', 'MAX_LENGTH'],
    ['rejected', 'REJECTED'],
    ['something new', 'SOMETHING NEW'],
    ['constructor', 'CONSTRUCTOR'],
    ['__proto__', '__PROTO__'],
  ])(
    'the dead letter of a message that RabbitMQ dead-lettered with the reason "%s" has the code %s',
    (reason, code) => {
      expect(of({ 'x-death': [{ queue: 'loans', reason, count: 1 }] })).toMatchObject({ queue: 'loans', code });
    },
  );

  test.each([
    [1_795_345_200, '2026-11-22T11:00:00.000Z'],
    [1_795_345_200_000, '2026-11-22T11:00:00.000Z'],
    ['Nov 22, 2026, 11:00:00 AM', '2026-11-22T11:00:00.000Z'],
    ['Nov 22, 2026, 11:00:00\u202fAM', '2026-11-22T11:00:00.000Z'],
    ['2026-11-22T11:00:00Z', '2026-11-22T11:00:00.000Z'],
    ['who knows', '2026-11-22T12:00:00.000Z'],
    [null, '2026-11-22T12:00:00.000Z'],
    [8_000_000_000_000_000, '2026-11-22T12:00:00.000Z'],
    [-62_200_000_000, '2026-11-22T12:00:00.000Z'],
    ['+123456-01-01T00:00:00Z', '2026-11-22T12:00:00.000Z'],
  ])(
    'if the newest x-death entry of a dead letter has the time %p, its field deadLetteredAt is %s',
    (time, deadLetteredAt) => {
      expect(of({ 'x-death': [{ queue: 'loans', reason: 'expired', time }] }).deadLetteredAt).toBe(deadLetteredAt);
    },
  );

  test('the dead letter of a message without dead-letter headers has the code UNKNOWN_ERROR and no queue', () => {
    const unknown = of({});
    expect(unknown.queue).toBeUndefined();
    expect(unknown).toMatchObject({
      code: 'UNKNOWN_ERROR',
      deadLetteredAt: '2026-11-22T12:00:00.000Z',
    });
  });
});

describe('the id of a dead letter', () => {
  test('a message gets the same dead-letter id when the dead-letter queue redelivers the message', () => {
    for (const headers of [note, death, {}]) expect(of(headers).id).toBe(of(headers).id);
  });

  test('dead letters get different ids if they differ in the x-death time, the queue, the number of redrives or the body', () => {
    const [first, ...rest] = death['x-death'];
    const later = { ...death, 'x-death': [{ ...first!, time: 1_795_345_999 }, ...rest] };
    const elsewhere = { ...death, 'x-death': [{ ...first!, queue: 'notices' }, ...rest] };
    const ids = [
      of(death),
      of(later),
      of(elsewhere),
      of({ ...death, 'surehop-redrives': 1 }),
      of(death, { body: { other: 1 } }),
    ].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('equal messages without a message id get different dead-letter ids', () => {
    for (const headers of [death, {}]) expect(of(headers, { id: null }).id).not.toBe(of(headers, { id: null }).id);
  });
});
