import { describe, expect, test } from '@jest/globals';

import type { DeadLetter } from '../../../lib/archive/dead-letter.ts';
import { orderStatus } from '../../../functions/orders/order-status.ts';
import type { Marker, UnreadableMarker } from '../../../lib/inbox/inbox.ts';
import { CodedError } from '../../../lib/runtime/errors.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { isKnown, stateIn } from '../../../lib/timeline/timeline.ts';

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
const deadLetter = (about: Partial<DeadLetter> = {}): DeadLetter => ({
  id: 'd',
  queue: 'stock',
  code: 'EXPIRED',
  reason: 'it expired',
  group: 'g',
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

type Intake = Parameters<typeof orderStatus>[1];

/** Returns the status of an order. `markers` contains the inbox markers of its message by queue. */
function statusOf(
  intake: Intake,
  markers: Readonly<Record<string, Marker | undefined>>,
  deadLetters: readonly DeadLetter[] = [],
  unreadableMarkers: readonly UnreadableMarker[] = [],
) {
  const found = Object.entries(markers).flatMap(([queue, marker]) => (marker ? [{ ...marker, queue }] : []));
  const recorded = { messageId: 'o', markers: found, unreadableMarkers, deadLetters, isolatedRuns: [] };
  const states = ['stock', 'points'].map((queue) => [queue, stateIn(queue, recorded, Date.parse(at))]);
  return orderStatus('o', intake, isKnown(recorded) ? Object.fromEntries(states) : undefined);
}

describe('the status of an order', () => {
  test.each<[string, Marker | undefined, Marker | undefined, string]>([
    ['that no consumer has received', undefined, undefined, 'accepted'],
    ['that one of two consumers has completed', completed, undefined, 'accepted'],
    ['that all consumers have completed', completed, completed, 'fulfilled'],
    ['that one consumer retries', completed, failed('retrying'), 'accepted'],
    ['that a consumer holds a lease for', leased, completed, 'accepted'],
    ['that a consumer has rejected', rejected, undefined, 'rejected'],
    ['that one consumer has rejected and another has dead-lettered', rejected, failed('dead-lettered'), 'rejected'],
    ['that a consumer has dead-lettered', completed, failed('dead-lettered'), 'dead-lettered'],
  ])('an order %s has the expected status (case %#)', (_, stock, points, status) => {
    expect(statusOf(accepted, { stock, points })).toMatchObject({ status, acceptedAt: at });
  });

  test('orderStatus returns undefined for an order that has neither an idempotency record nor inbox markers nor dead letters', () => {
    expect(statusOf(undefined, { stock: undefined, points: undefined })).toBeUndefined();
  });

  test('an order without an idempotency record still has a status if a consumer has an inbox marker or a dead letter of the order', () => {
    expect(statusOf(undefined, { stock: completed, points: undefined })?.status).toBe('accepted');
    expect(statusOf(undefined, { stock: undefined }, [deadLetter()])?.status).toBe('dead-lettered');
  });

  test('an order has the status "publishing" until the broker has confirmed it or a consumer has received it', () => {
    const record = { status: 'publishing' } as const;
    expect(statusOf(record, { stock: undefined })?.status).toBe('publishing');
    expect(statusOf(record, { stock: failed('retrying') })?.status).toBe('accepted');
  });

  test('the status of a rejected or dead-lettered order contains the reason', () => {
    expect(statusOf(accepted, { stock: rejected })).toMatchObject({ reason: 'OUT_OF_STOCK' });
    expect(statusOf(accepted, { stock: failed('dead-lettered', 0, 4) })).toMatchObject({
      reason: 'it went off',
      consumers: { stock: { outcome: 'dead-lettered', at, attempt: 4, code: 'BOOM' } },
    });
  });
});

describe('dead letters in the status of an order', () => {
  const outcome = (marker: Marker | undefined, ...deadLetters: DeadLetter[]) =>
    statusOf(accepted, { stock: marker }, deadLetters)?.consumers.stock?.outcome;

  test('an order has the outcome dead-lettered for a consumer if the broker dead-lettered its message in the queue of that consumer', () => {
    expect(outcome(undefined, deadLetter())).toBe('dead-lettered');
    expect(outcome(failed('retrying'), deadLetter())).toBe('dead-lettered');
  });

  test('a dead letter in the queue "points" does not change the outcome that the order has for the consumer of the queue "stock"', () => {
    expect(outcome(undefined, deadLetter({ queue: 'points' }))).toBe('pending');
  });

  test('after the dead letter of an order is redriven, the order is pending until the consumer has processed it again', () => {
    const redriven = deadLetter({ status: 'redriven', timesRedriven: 1 });
    expect(outcome(failed('dead-lettered', 0, 4), redriven)).toBe('pending');
    expect(outcome(failed('retrying', 1, 1), redriven)).toBe('retrying');
    expect(outcome(failed('dead-lettered', 1, 4), redriven)).toBe('dead-lettered');
    expect(outcome(completed, redriven)).toBe('completed');
  });

  test('if the message of an order is dead-lettered again after a redrive, the order has the outcome dead-lettered', () => {
    const deadLetters = [deadLetter({ status: 'redriven' }), deadLetter({ redrives: 1 })];
    expect(outcome(failed('retrying', 1, 2), ...deadLetters)).toBe('dead-lettered');
    expect(outcome(failed('retrying', 1, 2), ...deadLetters.toReversed())).toBe('dead-lettered');
  });

  test('if the inbox marker of one consumer for an order cannot be read, the order status shows "pending" for this consumer, or "dead-lettered" if the order has an open dead letter', () => {
    const error = new CodedError('INVALID_ITEM', 'the inbox marker stock#o cannot be read');
    const unreadable: UnreadableMarker = { state: 'unreadable', queue: 'stock', id: 'o' as MessageId, error };
    const stockOf = (...deadLetters: DeadLetter[]) =>
      statusOf(undefined, {}, deadLetters, [unreadable])?.consumers.stock;
    expect(stockOf()).toMatchObject({
      outcome: 'pending',
      code: 'INVALID_ITEM',
      reason: 'the inbox marker stock#o cannot be read',
    });
    expect(stockOf(deadLetter())).toMatchObject({ outcome: 'dead-lettered', code: 'EXPIRED', deadLetterId: 'd' });
  });

  test('the outcome of an order stays "dead-lettered" after its dead letter was discarded', () => {
    expect(outcome(undefined, deadLetter({ status: 'discarded' }))).toBe('dead-lettered');
  });
});
