import { describe, expect, test } from '@jest/globals';

import type { DeadLetter } from '../../../lib/archive/dead-letter.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import type { Marker, UnreadableMarker } from '../../../lib/inbox/inbox.ts';
import { CodedError } from '../../../lib/runtime/errors.ts';
import { inOrder, isKnown, stepsOf, tracedMessageOf } from '../../../lib/timeline/timeline.ts';

const at = '2026-11-22T12:00:00.000Z';
const nowMs = Date.parse('2026-11-22T12:10:00.000Z');
const base = { queue: 'loans', id: 'm' as MessageId, payloadHash: 'h', at };
const completed: Marker = { ...base, state: 'completed', events: [] };
const leased: Marker = { ...base, state: 'leased', owner: 'x', leaseExpiresAtMs: nowMs + 1 };
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
  queue: 'loans',
  code: 'BOOM',
  reason: 'it went off',
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
const redriven = deadLetter({ status: 'redriven', history: [{ action: 'redriven', at, redrives: 1 }] });
const edited = deadLetter({
  status: 'superseded',
  supersededBy: 'n' as MessageId,
  history: [{ action: 'superseded', at, by: 'grace', reason: 'a typo', messageId: 'n' as MessageId }],
});
const superseded: Marker = {
  ...base,
  state: 'rejected',
  reason: 'SUPERSEDED',
  events: [],
  supersededBy: 'n' as MessageId,
};
const recorded = (markers: Marker[], deadLetters: DeadLetter[] = [], unreadableMarkers: UnreadableMarker[] = []) => ({
  messageId: 'm',
  markers,
  unreadableMarkers,
  deadLetters,
  isolatedRuns: [],
});
const stateOf = (...args: Parameters<typeof recorded>) =>
  tracedMessageOf(recorded(...args), undefined, nowMs).consumers.map(({ state }) => state);

describe('the state of a message in a queue', () => {
  test.each<[string, Marker[], DeadLetter[], string]>([
    ['an inbox marker of its completion', [completed], [redriven], 'completed'],
    ['an inbox marker of a failed attempt', [failed('retrying')], [], 'retrying'],
    ['a lease that has not expired', [leased], [redriven], 'processing'],
    ['an open dead letter', [failed('dead-lettered', 0, 2)], [deadLetter()], 'dead-lettered'],
    ['a dead letter that the broker itself created', [], [deadLetter({ code: 'EXPIRED' })], 'dead-lettered'],
    ['a redriven dead letter', [failed('dead-lettered', 0, 2)], [redriven], 'pending'],
    ['a redriven dead letter and a later failed attempt', [failed('retrying', 1)], [redriven], 'retrying'],
    [
      'a second dead letter after a redrive',
      [failed('retrying', 1)],
      [redriven, deadLetter({ redrives: 1 })],
      'dead-lettered',
    ],
    ['a discarded dead letter', [], [deadLetter({ status: 'discarded' })], 'discarded'],
    ['an inbox marker that an edit wrote', [superseded], [edited], 'superseded'],
    ['an edited dead letter without an inbox marker', [], [edited], 'superseded'],
  ])('a message with %s has the expected state (case %#)', (_, markers, deadLetters, state) => {
    expect(stateOf(markers, deadLetters)).toEqual([state]);
  });

  test.each<[string, DeadLetter[], string, string | undefined]>([
    ['has no dead letter', [], 'unreadable', undefined],
    ['has a redriven dead letter', [redriven], 'unreadable', undefined],
    ['has an open dead letter', [deadLetter()], 'dead-lettered', 'd'],
    ['was edited', [edited], 'superseded', undefined],
  ])(
    'if the inbox marker of a message cannot be read and the message %s, the state contains the reason (case %#)',
    (_, deadLetters, state, deadLetterId) => {
      const error = new CodedError('INVALID_ITEM', 'the inbox marker loans#m cannot be read');
      const unreadable: UnreadableMarker = { state: 'unreadable', queue: 'loans', id: 'm' as MessageId, error };
      const found = recorded([], deadLetters, [unreadable]);
      expect(isKnown(found)).toBe(true);
      const [consumer] = tracedMessageOf(found, undefined, nowMs).consumers;
      expect(consumer).toMatchObject({
        queue: 'loans',
        state,
        markerError: { code: 'INVALID_ITEM', message: 'the inbox marker loans#m cannot be read' },
      });
      expect(consumer!.deadLetterId).toBe(deadLetterId);
    },
  );

  test('a dead letter of an unknown queue adds a step to the timeline of its message, but no entry to the list of the consumers of the message', () => {
    const unknown = deadLetter({ queue: undefined });
    expect(stateOf([], [unknown])).toEqual([]);
    expect(stepsOf(recorded([], [unknown]))).toMatchObject([{ step: 'dead-lettered', deadLetterId: 'd' }]);
  });
});

describe('the steps of a message', () => {
  const attempt = (number: number) => {
    return { attempt: number, at, delayMs: 1_000, code: 'BOOM', message: `attempt ${number}` };
  };
  const outline = (...args: Parameters<typeof recorded>) =>
    inOrder(stepsOf(recorded(...args))).map(({ step, redrives, attempt }) => [step, redrives, attempt]);

  test('an attempt that is recorded in both the inbox marker and the dead letter appears only once in the timeline', () => {
    const marker = { ...failed('dead-lettered', 0, 2), facts: { failedAttempts: [attempt(1)] } };
    expect(outline([marker], [deadLetter({ failedAttempts: [attempt(1)] })])).toEqual([
      ['failed', 0, 1],
      ['dead-lettered', 0, 2],
    ]);
  });

  test('if an inbox marker contains no list of failed attempts because an earlier release wrote it, the timeline still shows the last failed attempt', () => {
    expect(outline([failed('retrying', 0, 3)])).toEqual([['failed', 0, 3]]);
    expect(outline([completed])).toEqual([['completed', undefined, undefined]]);
  });

  test('the timeline contains one step for an edited message, with the operator, the reason and the id of the new message', () => {
    const steps = inOrder(stepsOf(recorded([superseded], [edited])));
    expect(steps.map(({ step }) => step)).toEqual(['dead-lettered', 'superseded']);
    expect(steps[1]).toMatchObject({ by: 'grace', reason: 'a typo', supersededBy: 'n', deadLetterId: 'd' });
  });

  test('a dead letter that the broker itself created adds no failed attempt to the timeline, because no consumer failed', () => {
    expect(outline([], [deadLetter({ code: 'EXPIRED' })])).toEqual([['dead-lettered', 0, undefined]]);
  });

  test('timeline steps with equal timestamps are sorted in their causal order', () => {
    const facts = { publishedAt: at, startedAt: at, redrives: 1, failedAttempts: [attempt(1)], attempt: 2 };
    expect(outline([{ ...completed, facts }], [redriven]).map(([step]) => step)).toEqual([
      'published',
      'redriven',
      'started',
      'failed',
      'dead-lettered',
      'completed',
    ]);
  });
});
