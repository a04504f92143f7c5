import type { DeadLetterDetails } from '../api.ts';
import { useConsole } from '../context.ts';
import { ErrorText } from '../parts/badges.tsx';
import { Plain } from '../parts/plain.tsx';
import { Empty } from '../parts/states.tsx';
import { Time } from '../parts/time.tsx';

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

/** What operators did with a dead letter, and why. */
export function History({ letter: { history } }: { readonly letter: DeadLetterDetails }) {
  const { texts } = useConsole();
  return (
    <section aria-labelledby="history-title">
      <h2 id="history-title">{texts.operatorsActions}</h2>
      {history.length === 0 ? (
        <Empty>{texts.noActions}</Empty>
      ) : (
        <ol class="history">
          {history.map(({ action, at, by, reason }) => (
            <li key={at}>
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
