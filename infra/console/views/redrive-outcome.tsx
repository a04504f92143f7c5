import { ErrorText } from '../components/badges.tsx';
import { Plain } from '../components/plain.tsx';
import { useConsole } from '../context.ts';
import type { RedriveOutcome } from '../redrive-outcome.ts';
import { writeRoute } from '../route.ts';
import { stateClass } from '../state-class.ts';

/** Says how a redriven copy ended: completed, rejected, failed again, or still waiting. */
export function RedriveOutcomeNote({ outcome }: { readonly outcome: RedriveOutcome }) {
  const { texts } = useConsole();
  const { kind, now } = outcome;
  const isFailed = kind === 'failed';
  return (
    <div class={`note ${isFailed ? 'bad' : kind === 'ended' ? stateClass(now.state) : 'warn'}`} role="status">
      <p>
        <strong>{texts.redriveOutcomes[kind === 'ended' && now.state === 'rejected' ? 'rejected' : kind]}</strong>{' '}
        {isFailed && outcome.failure.error && <ErrorText error={outcome.failure.error} />}
        {kind === 'ended' && now.reason !== undefined && <Plain text={now.reason} />}
        {kind === 'waiting' && <Waiting state={now} />}
      </p>
      {isFailed && (
        <p>
          {outcome.failure.deadLetterId === undefined ? (
            texts.notArchivedYet
          ) : (
            <a href={writeRoute('dead-letters', { id: outcome.failure.deadLetterId })}>{texts.newDeadLetter}</a>
          )}
          {now && now.state !== 'dead-lettered' && ` ${texts.stateNow(texts.states[now.state] ?? now.state)}`}
        </p>
      )}
    </div>
  );
}

/** The state of a copy that has not ended, with the error of its last attempt or of its inbox marker. */
function Waiting({ state }: { readonly state: RedriveOutcome['now'] }) {
  const { texts } = useConsole();
  if (state?.state === 'processing') return <>{texts.stateNow(texts.states['processing']!)}</>;
  if (state?.state !== 'retrying' && state?.state !== 'unreadable') return <>{texts.mayWait}</>;
  const error = state.error ?? state.markerError;
  return (
    <>
      {texts.stateNow(texts.states[state.state]!)} {error && <ErrorText error={error} />}
    </>
  );
}
