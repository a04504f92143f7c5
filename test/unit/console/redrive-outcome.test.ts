import { describe, expect, test } from '@jest/globals';

import { outcomeOf } from '../../../infra/console/redrive-outcome.ts';
import type { Timeline } from '../../../infra/console/timeline.ts';

const deadLetter = { messageId: 'm-1', queue: 'loans' };
const at = '2026-11-22T12:00:00.000Z';

type State = Timeline['messages'][number]['consumers'][number];

const aTimeline = (state: State['state'], failedRedrives: readonly number[], queue = deadLetter.queue): Timeline => ({
  messages: [
    { messageId: 'another', consumers: [{ queue: deadLetter.queue, state: 'completed' }] },
    { messageId: deadLetter.messageId, consumers: [{ queue, state }] },
  ],
  steps: failedRedrives.map((redrives) => ({
    at,
    afterMs: 0,
    step: 'dead-lettered',
    messageId: deadLetter.messageId,
    queue,
    redrives,
    deadLetterId: `dead-letter-${redrives}`,
  })),
  isIncomplete: false,
});

describe('the outcome of a redrive', () => {
  test.each(['completed', 'rejected'] as const)(
    'the outcome of a redrive is "ended" if the redriven message is %s',
    (state) => {
      expect(outcomeOf(aTimeline(state, [0]), deadLetter, 1)).toMatchObject({ kind: 'ended', now: { state } });
    },
  );

  test.each(['pending', 'processing', 'retrying', 'unreadable'] as const)(
    'the outcome of a redrive is "waiting" if the redriven message is %s',
    (state) => {
      expect(outcomeOf(aTimeline(state, [0]), deadLetter, 1)).toMatchObject({ kind: 'waiting', now: { state } });
    },
  );

  test('the outcome of a redrive is "waiting" while the timeline of the message only contains failures from before the redrive', () => {
    expect(outcomeOf(aTimeline('dead-lettered', [0, 1]), deadLetter, 2)).toMatchObject({ kind: 'waiting' });
  });

  test('if a message is redriven twice and fails both times, each redrive has its own failure as its outcome', () => {
    const timeline = aTimeline('completed', [0, 2, 1]);
    expect(outcomeOf(timeline, deadLetter, 1)).toMatchObject({
      kind: 'failed',
      failure: { deadLetterId: 'dead-letter-1' },
      now: { state: 'completed' },
    });
    expect(outcomeOf(timeline, deadLetter, 2)).toMatchObject({ failure: { deadLetterId: 'dead-letter-2' } });
    expect(outcomeOf(timeline, deadLetter, 3)).toMatchObject({ kind: 'ended' });
  });

  test('the outcome of a redrive ignores the state and the failures of the message in other queues', () => {
    expect(outcomeOf(aTimeline('completed', [1], 'another'), deadLetter, 1)).toEqual({
      kind: 'waiting',
      now: undefined,
    });
  });
});
