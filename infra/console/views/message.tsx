import { useEffect, useState } from 'preact/hooks';

import type { Timeline } from '../api.ts';
import { configuration } from '../configuration.ts';
import { useConsole, useGet, type Loaded } from '../context.ts';
import { CopyButton } from '../parts/buttons.tsx';
import { Curl } from '../parts/curl.tsx';
import { Plain } from '../parts/plain.tsx';
import { Empty, View } from '../parts/states.tsx';
import { Time } from '../parts/time.tsx';
import { writeRoute } from '../route.ts';

const EVERY_MS = 3_000;

type Step = Timeline['steps'][number];
type TracedMessage = Timeline['messages'][number];

/** What happened to a message and its follow-up events, from its publication to the last outcome. */
export function Message({ id }: { readonly id: string }) {
  const { texts } = useConsole();
  const { path, loaded } = useTimeline(id);
  const isUnknown = loaded.value === undefined && isNotFound(loaded);
  return (
    <>
      <h1 tabIndex={-1}>{texts.timeline}</h1>
      <p>
        <code>
          <Plain text={id} />
        </code>{' '}
        <CopyButton text={id} label={`${texts.copy}: ${texts.messageId}`} />
      </p>
      {isUnknown ? (
        <Empty>{texts.nothingRecorded}</Empty>
      ) : (
        <View loaded={loaded}>
          {(timeline) => (
            <>
              <Summary timeline={timeline} />
              {timeline.isIncomplete && <p class="note warn">{texts.timelineIncomplete}</p>}
              <Messages messages={timeline.messages} />
              <Steps timeline={timeline} />
            </>
          )}
        </View>
      )}
      <Curl request={{ method: 'GET', path }} />
    </>
  );
}

const isNotFound = ({ failure }: Loaded<unknown>) => failure?.kind === 'problem' && failure.status === 404;

/**
 * Reads the timeline of a message. If the service has a timeline of its own for the messages with this id, for example for an
 * order, reads that one.
 */
function useTimeline(id: string): { readonly path: string; readonly loaded: Loaded<Timeline> } {
  const own = configuration.timeline?.replace('{id}', encodeURIComponent(id));
  const [isOther, setOther] = useState(own === undefined);
  const ofService = useGet<Timeline>(isOther ? undefined : own, EVERY_MS);
  useEffect(() => {
    if (isNotFound(ofService)) setOther(true);
  }, [ofService.failure]);
  const path = `/messages/${encodeURIComponent(id)}`;
  const ofMessage = useGet<Timeline>(isOther ? path : undefined, EVERY_MS);
  return isOther || own === undefined ? { path, loaded: ofMessage } : { path: own, loaded: ofService };
}

function Summary({ timeline: { status, durationMs, endedAt, steps } }: { readonly timeline: Timeline }) {
  const { texts, format } = useConsole();
  const first = steps[0];
  const last = steps.at(-1);
  if (!first || !last) return null;
  return (
    <p class="large">
      {status !== undefined && <span class={`badge ${stateClass(status)}`}>{texts.states[status] ?? status}</span>}{' '}
      {endedAt === undefined || durationMs === undefined
        ? texts.soFar(format.duration(last.afterMs))
        : texts.ended(format.duration(durationMs))}
    </p>
  );
}

function Messages({ messages }: { readonly messages: readonly TracedMessage[] }) {
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
                <td data-label={texts.type}>
                  <Plain text={type ?? '–'} />
                </td>
                <td data-label={texts.queue}>
                  <Plain text={consumer?.queue ?? '–'} />
                </td>
                <td data-label={texts.state}>
                  {consumer ? (
                    <>
                      <span class={`badge ${stateClass(consumer.state)}`}>{texts.states[consumer.state]}</span>{' '}
                      {consumer.reason !== undefined && <Plain text={consumer.reason} />}
                      {consumer.error && <Plain text={consumer.error.message} />}{' '}
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
                <td data-label={texts.traceId}>
                  {traceId ? (
                    <>
                      <code>{traceId}</code> <CopyButton text={traceId} label={`${texts.copy}: ${texts.traceId}`} />
                    </>
                  ) : (
                    '–'
                  )}
                </td>
              </tr>
            )),
          )}
        </tbody>
      </table>
    </section>
  );
}

const GOOD = new Set(['completed', 'fulfilled', 'accepted', 'published']);
const BAD = new Set(['dead-lettered', 'failed']);
const WARN = new Set(['retrying', 'rejected', 'discarded', 'superseded', 'processing', 'redriven']);

function stateClass(state: string): string {
  if (GOOD.has(state)) return 'good';
  if (BAD.has(state)) return 'bad';
  return WARN.has(state) ? 'warn' : '';
}

function Steps({ timeline: { steps, messages } }: { readonly timeline: Timeline }) {
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
          <strong>{texts.stepNames[step.step] ?? step.step}</strong>
          {queue !== undefined && (
            <span class="badge">
              <Plain text={queue} />
            </span>
          )}
          {type !== undefined && (
            <small>
              <Plain text={type} />
            </small>
          )}
          {attempt !== undefined && <small>{texts.attemptNumber(format.number(attempt))}</small>}
          {redrives !== undefined && redrives > 0 && <small>{texts.redriveNumber(format.number(redrives))}</small>}
        </p>
        {error && (
          <p>
            <span class="badge bad">
              <Plain text={error.code} />
            </span>{' '}
            <Plain text={error.message} />
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
