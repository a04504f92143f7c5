import { describe, expect, test } from '@jest/globals';

import type { DeadLetter } from '../../../lib/dead-letters/dead-letter.ts';
import { orderStatus } from '../../../functions/orders/order-status.ts';
import type { Marker } from '../../../lib/inbox/inbox.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';

const at = '2026-11-22T12:00:00.000Z';
const base = { queue: 'stock', id: 'o' as MessageId, payloadHash: 'h', at };
const completed: Marker = { ...base, state: 'completed', events: [] };
const rejected: Marker = { ...base, state: 'rejected', reason: 'OUT_OF_STOCK', events: [] };
const leased: Marker = { ...base, state: 'leased', owner: 'x', leaseExpiresAtMs: 0 };
const failed = (state: 'retrying' | 'dead-lettered', redrives = 0, attempt = 1): Marker => ({
  ...base,
  state,
  redrives,
  attempt,
  code: 'BOOM',
  message: 'it went off',
});
const letter = (about: Partial<DeadLetter> = {}): DeadLetter => ({
  id: 'd',
  queue: 'stock',
  code: 'EXPIRED',
  reason: 'it expired',
  attempt: 2,
  redrives: 0,
  deadLetteredAt: at,
  archivedAt: at,
  status: 'open',
  timesRedriven: 0,
  history: [],
  payloadHash: '',
  bodyBytes: 0,
  ...about,
});
const accepted = { status: 'accepted', acceptedAt: at } as const;

describe('an order', () => {
  test.each<[string, Marker | undefined, Marker | undefined, string]>([
    ['that nobody met yet', undefined, undefined, 'accepted'],
    ['half done', completed, undefined, 'accepted'],
    ['done', completed, completed, 'fulfilled'],
    ['in retry', completed, failed('retrying'), 'accepted'],
    ['under a lease', leased, completed, 'accepted'],
    ['that was rejected', rejected, undefined, 'rejected'],
    ['that was rejected, and whose points are a dead letter', rejected, failed('dead-lettered'), 'rejected'],
    ['with a dead letter', completed, failed('dead-lettered'), 'dead-lettered'],
  ])('%s', (_, stock, points, status) => {
    expect(orderStatus('o', accepted, { stock, points }, [])).toMatchObject({ status, acceptedAt: at });
  });

  test('that nobody knows is not there', () => {
    expect(orderStatus('o', undefined, { stock: undefined, points: undefined }, [])).toBeUndefined();
  });

  test('whose record was lost is known by its markers, and by its dead letters', () => {
    expect(orderStatus('o', undefined, { stock: completed, points: undefined }, [])?.status).toBe('accepted');
    expect(orderStatus('o', undefined, { stock: undefined }, [letter()])?.status).toBe('dead-lettered');
  });

  test('is not called accepted before the broker confirmed it, unless a consumer has met it', () => {
    const record = { status: 'publishing' } as const;
    expect(orderStatus('o', record, { stock: undefined }, [])?.status).toBe('publishing');
    expect(orderStatus('o', record, { stock: failed('retrying') }, [])?.status).toBe('accepted');
  });

  test('says why it was rejected or given up', () => {
    expect(orderStatus('o', accepted, { stock: rejected }, [])).toMatchObject({ reason: 'OUT_OF_STOCK' });
    expect(orderStatus('o', accepted, { stock: failed('dead-lettered', 0, 4) }, [])).toMatchObject({
      reason: 'it went off',
      consumers: { stock: { outcome: 'dead-lettered', at, attempt: 4, code: 'BOOM' } },
    });
  });
});

describe('a dead letter in the archive', () => {
  const outcome = (marker: Marker | undefined, ...letters: DeadLetter[]) =>
    orderStatus('o', accepted, { stock: marker }, letters)?.consumers.stock?.outcome;

  test('tells what the broker gave up on', () => {
    expect(outcome(undefined, letter())).toBe('dead-lettered');
    expect(outcome(failed('retrying'), letter())).toBe('dead-lettered');
  });

  test('of another queue says nothing', () => {
    expect(outcome(undefined, letter({ queue: 'points' }))).toBe('pending');
  });

  test('that was redriven is pending until the consumer has an outcome', () => {
    const redriven = letter({ status: 'redriven', timesRedriven: 1 });
    expect(outcome(failed('dead-lettered', 0, 4), redriven)).toBe('pending');
    expect(outcome(failed('retrying', 1, 1), redriven)).toBe('retrying');
    expect(outcome(failed('dead-lettered', 1, 4), redriven)).toBe('dead-lettered');
    expect(outcome(completed, redriven)).toBe('completed');
  });

  test('of a later life counts more than one that was redriven', () => {
    const letters = [letter({ status: 'redriven' }), letter({ redrives: 1 })];
    expect(outcome(failed('retrying', 1, 2), ...letters)).toBe('dead-lettered');
    expect(outcome(failed('retrying', 1, 2), ...letters.toReversed())).toBe('dead-lettered');
  });

  test('that was discarded stays dead', () => {
    expect(outcome(undefined, letter({ status: 'discarded' }))).toBe('dead-lettered');
  });
});
