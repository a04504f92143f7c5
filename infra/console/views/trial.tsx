import { useEffect, useState } from 'preact/hooks';

import { withQuery, type DeadLetter, type DeadLetterList } from '../api.ts';
import { useConsole } from '../context.ts';
import { Plain } from '../parts/plain.tsx';
import { writeRoute } from '../route.ts';

const EVERY_MS = 2_000;

interface TrialProps {
  readonly letter: DeadLetter;
  readonly isWatching: boolean;
}

/** Shows what became of the one message that the operator redrove before the others. */
export function Trial({ letter, isWatching }: TrialProps) {
  const { texts, request } = useConsole();
  const { id, messageId } = letter;
  const [failed, setFailed] = useState<DeadLetter>();

  useEffect(() => {
    if (!isWatching || messageId === undefined || failed) return undefined;
    const path = withQuery('/dead-letters', { text: messageId, status: 'open', limit: 10 });
    const timer = setInterval(() => {
      request<DeadLetterList>({ method: 'GET', path }).then(
        ({ deadLetters }) => setFailed(deadLetters.find((one) => one.id !== id && one.queue === letter.queue)),
        // The next look-up may succeed.
        () => {},
      );
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [id, messageId, isWatching, failed]);

  return (
    <div class={`note ${failed ? 'bad' : 'good'}`} role="status">
      {failed ? (
        <>
          <p>
            <strong>{texts.trialFailed}</strong> <span class="badge bad">{failed.code}</span>{' '}
            <Plain text={failed.reason} />
          </p>
          <a href={writeRoute('dead-letters', { id: failed.id })}>{texts.showMessage}</a>
        </>
      ) : (
        <p>
          <strong>{texts.trialSent}</strong> {texts.trialWatching}
        </p>
      )}
    </div>
  );
}
