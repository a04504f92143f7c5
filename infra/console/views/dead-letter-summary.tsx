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
  readonly letter: DeadLetterDetails;
  readonly timeline: Loaded<Timeline>;
  readonly onAction: (action: Action) => void;
}

/** Why the message failed, the actions that are possible, and how the message ended after a redrive. */
export function LetterSummary({ letter, timeline, onAction }: SummaryProps) {
  const { texts } = useConsole();
  const { queue, code, reason, frames, status, group, unwritable } = letter;
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
            <a class="button" href={writeRoute('edit', { id: letter.id })}>
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
        {letter.messageId !== undefined && (
          <>
            {' · '}
            <a href={writeRoute('messages', { id: letter.messageId })}>{texts.showTimeline}</a>
          </>
        )}
      </p>
      {letter.timesRedriven > 0 && <AfterRedrive letter={letter} timeline={timeline} />}
      {letter.edit && (
        <p class={`note ${letter.edit.status === 'published' ? 'good' : 'warn'}`}>
          {texts.editStates[letter.edit.status]}{' '}
          <a href={writeRoute('messages', { id: letter.edit.messageId })}>
            <code>{letter.edit.messageId}</code>
          </a>
          {letter.edit.error !== undefined && (
            <>
              : <Plain text={letter.edit.error} />
            </>
          )}
        </p>
      )}
      {letter.editedFrom !== undefined && (
        <p>
          {texts.editedFrom} <a href={writeRoute('dead-letters', { id: letter.editedFrom })}>{texts.showMessage}</a>
        </p>
      )}
    </section>
  );
}

function AfterRedrive({ letter, timeline }: Pick<SummaryProps, 'letter' | 'timeline'>) {
  const { texts } = useConsole();
  const { messageId, redrives, timesRedriven } = letter;
  if (messageId === undefined) return <p class="note warn">{texts.outcomeUnknown}</p>;
  return (
    <View loaded={timeline}>
      {(value) => <RedriveOutcomeNote outcome={outcomeOf(value, letter, redrives + timesRedriven)} />}
    </View>
  );
}
