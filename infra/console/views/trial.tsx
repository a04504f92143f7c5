import type { DeadLetter, Timeline } from '../api.ts';
import { useConsole, useGet } from '../context.ts';
import { ErrorText } from '../parts/badges.tsx';
import { Plain } from '../parts/plain.tsx';
import { writeRoute } from '../route.ts';

const EVERY_MS = 2_000;

/** Shows what became of the one message that the operator redrove before the others. */
export function Trial({ letter: { messageId, queue } }: { readonly letter: DeadLetter }) {
  const { texts } = useConsole();
  // Without a message id, nobody can tell the redriven message from others.
  const path = messageId === undefined ? undefined : `/messages/${encodeURIComponent(messageId)}`;
  const { value } = useGet<Timeline>(path, EVERY_MS);
  const consumer = value?.messages[0]?.consumers.find((one) => one.queue === queue);
  const state = consumer?.state ?? 'pending';
  const hasFailed = state === 'dead-lettered';
  const isDone = state === 'completed' || state === 'rejected';
  return (
    <div class={`note ${hasFailed ? 'bad' : isDone ? 'good' : 'warn'}`} role="status">
      <p>
        <strong>{hasFailed ? texts.trialFailed : isDone ? texts.trialDone : texts.trialSent}</strong>{' '}
        {isDone && consumer?.reason !== undefined && <Plain text={consumer.reason} />}
        {consumer?.error && <ErrorText error={consumer.error} />}
        {!hasFailed && !isDone && (messageId === undefined ? texts.trialUnknown : texts.states[state])}
      </p>
      {messageId !== undefined && <a href={writeRoute('messages', { id: messageId })}>{texts.showTimeline}</a>}
    </div>
  );
}
