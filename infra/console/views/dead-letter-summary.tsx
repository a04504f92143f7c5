import type { Action } from '../action-request.ts';
import type { DeadLetterDetails } from '../api.ts';
import { CodeBadge, QueueBadge } from '../components/badges.tsx';
import { ActionButton } from '../components/buttons.tsx';
import { Plain } from '../components/plain.tsx';
import { View } from '../components/states.tsx';
import { useConsole, type Loaded } from '../context.ts';
import { outcomeOf } from '../redrive-outcome.ts';
import { writeRoute } from '../route.ts';
import type { Timeline } from '../timeline.ts';
import { RedriveOutcomeNote } from './redrive-outcome.tsx';

interface SummaryProps {
  readonly deadLetter: DeadLetterDetails;
  readonly timeline: Loaded<Timeline>;
  readonly onAction: (action: Action) => void;
}

/** Why the message failed, the actions that are possible, and how the message ended after a redrive. */
export function DeadLetterSummary({ deadLetter, timeline, onAction }: SummaryProps) {
  const { texts } = useConsole();
  const { queue, code, reason, frames, status, group, unwritable } = deadLetter;
  const explanation = texts.codes[code as keyof typeof texts.codes];
  return (
    <section class="card" aria-labelledby="why-title">
      <header class="bar">
        <h2 id="why-title">
          <QueueBadge queue={queue} /> <CodeBadge code={code} />{' '}
          <span class={`badge ${status}`}>{texts.statuses[status]}</span>
        </h2>
        <div class="buttons">
          {status !== 'discarded' && status !== 'superseded' && (
            <ActionButton scope="dead-letters:redrive" kind="primary" onClick={() => onAction('redrive')}>
              {texts.redriveDots}
            </ActionButton>
          )}
          {status === 'open' && (
            <a class="button" href={writeRoute('edit', { id: deadLetter.id })}>
              {texts.editAndResend}
            </a>
          )}
          {status === 'open' && (
            <ActionButton scope="dead-letters:redrive" onClick={() => onAction('discard')}>
              {texts.discardDots}
            </ActionButton>
          )}
        </div>
      </header>
      <p class="reason large">
        <Plain text={reason} />
      </p>
      {explanation && (
        <p>
          {explanation.meaning} <strong>{explanation.action}</strong>
        </p>
      )}
      {unwritable !== undefined && (
        <p class="note warn">
          {texts.unwritable} <Plain text={unwritable} />
        </p>
      )}
      {frames && (
        <pre tabIndex={0} aria-label={texts.frames}>
          <Plain text={frames} />
        </pre>
      )}
      <p>
        <a href={writeRoute('failures', { query: { group } })}>{texts.sameCause}</a>
        {deadLetter.messageId !== undefined && (
          <>
            {' · '}
            <a href={writeRoute('messages', { id: deadLetter.messageId })}>{texts.showTimeline}</a>
          </>
        )}
      </p>
      {deadLetter.timesRedriven > 0 && <AfterRedrive deadLetter={deadLetter} timeline={timeline} />}
      {deadLetter.edit && (
        <p class={`note ${deadLetter.edit.status === 'published' ? 'good' : 'warn'}`}>
          {texts.editStates[deadLetter.edit.status]}{' '}
          <a href={writeRoute('messages', { id: deadLetter.edit.messageId })}>
            <code>{deadLetter.edit.messageId}</code>
          </a>
          {deadLetter.edit.error !== undefined && (
            <>
              : <Plain text={deadLetter.edit.error} />
            </>
          )}
        </p>
      )}
      {deadLetter.editedFrom !== undefined && (
        <p>
          {texts.editedFrom} <a href={writeRoute('dead-letters', { id: deadLetter.editedFrom })}>{texts.showMessage}</a>
        </p>
      )}
    </section>
  );
}

function AfterRedrive({ deadLetter, timeline }: Pick<SummaryProps, 'deadLetter' | 'timeline'>) {
  const { texts } = useConsole();
  const { messageId, redrives, timesRedriven } = deadLetter;
  if (messageId === undefined) return <p class="note warn">{texts.outcomeUnknown}</p>;
  return (
    <View loaded={timeline}>
      {(value) => <RedriveOutcomeNote outcome={outcomeOf(value, deadLetter, redrives + timesRedriven)} />}
    </View>
  );
}
