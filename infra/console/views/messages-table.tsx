import { QueueBadge } from '../components/badges.tsx';
import { Plain } from '../components/plain.tsx';
import { TraceId } from '../components/trace-id.tsx';
import { useConsole } from '../context.ts';
import { writeRoute } from '../route.ts';
import { stateClass } from '../state-class.ts';
import type { Timeline } from '../timeline.ts';

type TracedMessage = Timeline['messages'][number];

/** A message and its follow-up events, with their states in each queue. */
export function MessagesTable({ messages }: { readonly messages: readonly TracedMessage[] }) {
  const { texts, format } = useConsole();
  return (
    <section aria-labelledby="messages-title">
      <h2 id="messages-title">{texts.messages}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">{texts.messageId}</th>
            <th scope="col">{texts.type}</th>
            <th scope="col">{texts.queue}</th>
            <th scope="col">{texts.state}</th>
            <th scope="col" class="number">
              {texts.duration}
            </th>
            <th scope="col">{texts.traceId}</th>
          </tr>
        </thead>
        <tbody>
          {messages.flatMap(({ messageId, type, traceId, consumers }) =>
            (consumers.length > 0 ? consumers : [undefined]).map((consumer) => (
              <tr key={messageId + (consumer?.queue ?? '')}>
                <th scope="row">
                  <a href={writeRoute('messages', { id: messageId })}>
                    <code>
                      <Plain text={messageId} />
                    </code>
                  </a>
                </th>
                <td data-label={texts.type} class="name">
                  <Plain text={type ?? '–'} />
                </td>
                <td data-label={texts.queue} class="name">
                  {consumer ? <QueueBadge queue={consumer.queue} /> : '–'}
                </td>
                <td data-label={texts.state}>
                  {consumer ? (
                    <>
                      <span class={`badge ${stateClass(consumer.state)}`}>{texts.states[consumer.state]}</span>{' '}
                      {consumer.reason !== undefined && <Plain text={consumer.reason} />}
                      {consumer.error && <Plain text={consumer.error.message} />}{' '}
                      {consumer.markerError && <Plain text={consumer.markerError.message} />}{' '}
                      {consumer.deadLetterId !== undefined && (
                        <a href={writeRoute('dead-letters', { id: consumer.deadLetterId })}>{texts.showMessage}</a>
                      )}
                    </>
                  ) : (
                    texts.states.pending
                  )}
                </td>
                <td data-label={texts.duration} class="number">
                  {consumer?.durationMs === undefined ? '–' : format.duration(consumer.durationMs)}
                </td>
                <td data-label={texts.traceId}>{traceId ? <TraceId id={traceId} /> : '–'}</td>
              </tr>
            )),
          )}
        </tbody>
      </table>
    </section>
  );
}
