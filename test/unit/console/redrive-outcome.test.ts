import { describe, expect, test } from '@jest/globals';

import { outcomeOf } from '../../../infra/console/redrive-outcome.ts';
import type { Timeline } from '../../../infra/console/timeline.ts';

const letter = { messageId: 'm-1', queue: 'loans' };
const at = '2026-11-22T12:00:00.000Z';

type State = Timeline['messages'][number]['consumers'][number];

const aTimeline = (state: State['state'], failedRedrives: readonly number[], queue = letter.queue): Timeline => ({
  messages: [
    { messageId: 'another', consumers: [{ queue: letter.queue, state: 'completed' }] },
    { messageId: letter.messageId, consumers: [{ queue, state }] },
  ],
  steps: failedRedrives.map((redrives) => ({
    at,
    afterMs: 0,
    step: 'dead-lettered',
    messageId: letter.messageId,
    queue,
    redrives,
    deadLetterId: `dead-letter-${redrives}`,
  })),
  isIncomplete: false,
});

describe('the outcome of a redrive', () => {
  test.each(['completed', 'rejected'] as const)('a redriven copy has ended if its message is %s', (state) => {
    expect(outcomeOf(aTimeline(state, [0]), letter, 1)).toMatchObject({ kind: 'ended', now: { state } });
  });

  test.each(['pending', 'processing', 'retrying'] as const)(
    'a redriven copy is waiting if its message is %s',
    (state) => {
      expect(outcomeOf(aTimeline(state, [0]), letter, 1)).toMatchObject({ kind: 'waiting', now: { state } });
    },
  );

  test('a redriven copy is waiting while the timeline only contains failures of earlier copies', () => {
    expect(outcomeOf(aTimeline('dead-lettered', [0, 1]), letter, 2)).toMatchObject({ kind: 'waiting' });
  });

  test('the failure of a redriven copy is the failure with the number of its redrive, also after later redrives', () => {
    const timeline = aTimeline('completed', [0, 2, 1]);
    expect(outcomeOf(timeline, letter, 1)).toMatchObject({
      kind: 'failed',
      failure: { deadLetterId: 'dead-letter-1' },
      now: { state: 'completed' },
    });
    expect(outcomeOf(timeline, letter, 2)).toMatchObject({ failure: { deadLetterId: 'dead-letter-2' } });
    expect(outcomeOf(timeline, letter, 3)).toMatchObject({ kind: 'ended' });
  });

  test('a copy in another queue does not tell how the redriven copy ended', () => {
    expect(outcomeOf(aTimeline('completed', [1], 'another'), letter, 1)).toEqual({ kind: 'waiting', now: undefined });
  });
});
