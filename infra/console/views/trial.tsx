import type { DeadLetter } from '../api.ts';
import { useConsole, useGet } from '../context.ts';
import { outcomeOf, type RedriveOutcome } from '../redrive-outcome.ts';
import { writeRoute } from '../route.ts';
import type { Timeline } from '../timeline.ts';
import { RedriveOutcomeNote } from './redrive-outcome.tsx';

const EVERY_MS = 2_000;

/** Shows what became of the one message that the operator redrove before the others. */
export function Trial({ deadLetter }: { readonly deadLetter: DeadLetter }) {
  const { texts } = useConsole();
  const { messageId, redrives, timesRedriven } = deadLetter;
  // Without a message id, nobody can tell the redriven message from others.
  const path = messageId === undefined ? undefined : `/messages/${encodeURIComponent(messageId)}`;
  const { value } = useGet<Timeline>(path, EVERY_MS);
  if (messageId === undefined) return <p class="note warn">{texts.outcomeUnknown}</p>;
  const outcome: RedriveOutcome = value
    ? outcomeOf(value, deadLetter, redrives + timesRedriven + 1)
    : { kind: 'waiting', now: undefined };
  return (
    <>
      <RedriveOutcomeNote outcome={outcome} />
      <p>
        <a href={writeRoute('messages', { id: messageId })}>{texts.showTimeline}</a>
      </p>
    </>
  );
}
