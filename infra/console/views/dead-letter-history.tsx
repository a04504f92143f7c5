import type { DeadLetterDetails } from '../api.ts';
import { ErrorText } from '../components/badges.tsx';
import { Plain } from '../components/plain.tsx';
import { Empty, View } from '../components/states.tsx';
import { Time } from '../components/time.tsx';
import { useConsole, type Loaded } from '../context.ts';
import type { Timeline } from '../timeline.ts';

/** The attempts to process the message, with their errors and the delays after them. */
export function Attempts({ attempts }: Pick<DeadLetterDetails, 'attempts'>) {
  const { texts, format } = useConsole();
  // The only attempt is in the summary already.
  if (attempts.length < 2) return null;
  return (
    <section aria-labelledby="attempts-title">
      <h2 id="attempts-title">{texts.failedAttempts}</h2>
      <ol class="timeline">
        {attempts.map(({ attempt, at, delaySeconds, error }) => (
          <li key={attempt} class="bad">
            <span class="after">{texts.attemptNumber(format.number(attempt))}</span>
            <div>
              <p>
                <ErrorText error={error} />
              </p>
              <p>
                <small>
                  <Time at={at} />
                </small>
                {delaySeconds !== undefined && (
                  <small> {texts.nextAttemptAfter(format.duration(delaySeconds * 1_000))}</small>
                )}
              </p>
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

interface HistoryProps {
  readonly deadLetter: DeadLetterDetails;
  readonly timeline: Loaded<Timeline>;
}

/**
 * What operators did with a dead letter and with the earlier dead letters of the same message in the same queue, and
 * why.
 */
export function History({ deadLetter, timeline }: HistoryProps) {
  const { texts } = useConsole();
  const { id, queue, messageId, redrives, timesRedriven, deadLetteredAt } = deadLetter;
  const wasRedriven = messageId !== undefined && redrives > 0;
  const earlier = (timeline.value?.steps ?? []).flatMap((step) =>
    step.messageId === messageId &&
    step.queue === queue &&
    step.deadLetterId !== id &&
    step.at <= deadLetteredAt &&
    isAction(step.step)
      ? [{ ...step, action: step.step }]
      : [],
  );
  const actions = [...earlier, ...deadLetter.history];
  return (
    <section aria-labelledby="history-title">
      <h2 id="history-title">{texts.operatorsActions}</h2>
      {wasRedriven && timesRedriven === 0 && !timeline.value && <View loaded={timeline}>{() => null}</View>}
      {actions.length === 0 && (!wasRedriven || timeline.value) && <Empty>{texts.noActions}</Empty>}
      {actions.length > 0 && (
        <ol class="history">
          {actions.map(({ action, at, by, reason }) => (
            <li key={action + at}>
              <strong>{texts.statuses[action]}</strong> <Time at={at} />
              {by !== undefined && (
                <>
                  {' '}
                  {texts.by} <Plain text={by} />
                </>
              )}
              {reason !== undefined && (
                <>
                  : <Plain text={reason} />
                </>
              )}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

type Action = DeadLetterDetails['history'][number]['action'];

const isAction = (step: string): step is Action => step === 'redriven' || step === 'discarded' || step === 'superseded';
