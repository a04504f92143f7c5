import { ErrorText, QueueBadge } from '../components/badges.tsx';
import { Plain } from '../components/plain.tsx';
import { Time } from '../components/time.tsx';
import { useConsole } from '../context.ts';
import { writeRoute } from '../route.ts';
import { stateClass } from '../state-class.ts';
import type { Timeline } from '../timeline.ts';

type Step = Timeline['steps'][number];

/** The steps of a timeline, oldest first, each with its time after the first step. */
export function Steps({ timeline: { steps, messages } }: { readonly timeline: Timeline }) {
  const { texts } = useConsole();
  return (
    <section aria-labelledby="steps-title">
      <h2 id="steps-title">{texts.steps}</h2>
      <ol class="timeline">
        {steps.map((step, index) => (
          <StepLine
            key={index}
            step={step}
            type={messages.length > 1 ? messages.find((one) => one.messageId === step.messageId)?.type : undefined}
          />
        ))}
      </ol>
    </section>
  );
}

interface StepLineProps {
  readonly step: Step;
  /** The type of the message, if the timeline has several messages. */
  readonly type: string | undefined;
}

function StepLine({ step, type }: StepLineProps) {
  const { texts, format } = useConsole();
  const {
    at,
    afterMs,
    queue,
    attempt,
    redrives,
    delaySeconds,
    error,
    reason,
    by,
    deadLetterId,
    effects,
    followUps,
    supersededBy,
  } = step;
  return (
    <li class={stateClass(step.step)}>
      <span class="after">+{format.duration(afterMs)}</span>
      <div>
        <p>
          <strong>{texts.stepNames[step.step] ?? step.step}</strong>{' '}
          {queue !== undefined && <QueueBadge queue={queue} />}{' '}
          {type !== undefined && (
            <small>
              <Plain text={type} />
            </small>
          )}{' '}
          {attempt !== undefined && <small>{texts.attemptNumber(format.number(attempt))}</small>}{' '}
          {redrives !== undefined && redrives > 0 && <small>{texts.redriveNumber(format.number(redrives))}</small>}
        </p>
        {error && (
          <p>
            <ErrorText error={error} />
          </p>
        )}
        {delaySeconds !== undefined && <p>{texts.nextAttemptAfter(format.duration(delaySeconds * 1_000))}</p>}
        {reason !== undefined && (
          <p>
            <Plain text={reason} />
          </p>
        )}
        {by !== undefined && (
          <p>
            {texts.by} <Plain text={by} />
          </p>
        )}
        {effects && (
          <p>
            {texts.effects}:{' '}
            {Object.entries(effects)
              .map(([table, count]) => `${table} ${format.number(count)}`)
              .join(', ')}
          </p>
        )}
        {followUps?.map(({ messageId, type }) => (
          <p key={messageId}>
            {texts.followUp} <a href={writeRoute('messages', { id: messageId })}>{type}</a>
          </p>
        ))}
        {supersededBy !== undefined && (
          <p>
            <a href={writeRoute('messages', { id: supersededBy })}>{texts.editedMessage}</a>
          </p>
        )}
        {deadLetterId !== undefined && (
          <p>
            <a href={writeRoute('dead-letters', { id: deadLetterId })}>{texts.showMessage}</a>
          </p>
        )}
        <p>
          <small>
            <Time at={at} />
          </small>
        </p>
      </div>
    </li>
  );
}
