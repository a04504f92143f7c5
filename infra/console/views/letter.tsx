import { useState } from 'preact/hooks';

import type { DeadLetterDetails } from '../api.ts';
import { useConsole, useGet } from '../context.ts';
import { faultsOf, type Fault } from '../json-lines.ts';
import { Body } from '../parts/body.tsx';
import { ActionButton, CopyButton } from '../parts/buttons.tsx';
import { Curl } from '../parts/curl.tsx';
import { Plain } from '../parts/plain.tsx';
import { Empty, View } from '../parts/states.tsx';
import { Time } from '../parts/time.tsx';
import { writeRoute } from '../route.ts';
import { ActionDialog, type Action } from './action-dialog.tsx';

const EVERY_MS = 10_000;

/** One dead letter: why the message failed, the message itself, and what operators did with it. */
export function Letter({ id }: { readonly id: string }) {
  const { texts } = useConsole();
  const path = `/dead-letters/${encodeURIComponent(id)}`;
  const loaded = useGet<DeadLetterDetails>(path, EVERY_MS);
  const [action, setAction] = useState<Action>();
  return (
    <>
      <h1 tabIndex={-1}>{texts.deadLetter}</h1>
      <View loaded={loaded}>
        {(letter) => (
          <>
            <Summary letter={letter} onAction={setAction} />
            <Facts letter={letter} />
            <Attempts attempts={letter.attempts} />
            <Body
              text={letter.body.text}
              base64={letter.body.base64}
              bytes={letter.bodyBytes}
              faults={faultsIn(letter)}
              fileName={`${letter.id}.bin`}
            />
            <Values title={texts.headers} values={letter.headers as Readonly<Record<string, unknown>>} />
            <Values title={texts.properties} values={letter.properties} />
            <History letter={letter} />
            <Curl request={{ method: 'GET', path }} />
            {action && (
              <ActionDialog
                action={action}
                target={{ kind: 'one', letter }}
                onClose={() => setAction(undefined)}
                onDone={loaded.reload}
              />
            )}
          </>
        )}
      </View>
    </>
  );
}

/** Returns the faults that the service finds in the body, or otherwise those in the reason of the dead letter. */
function faultsIn({ faults, code, reason }: DeadLetterDetails): Fault[] {
  if (faults.length > 0) return faults.map(({ path, message }) => ({ pointer: path, detail: message }));
  return code === 'SCHEMA_MISMATCH' ? faultsOf(reason) : [];
}

interface SummaryProps {
  readonly letter: DeadLetterDetails;
  readonly onAction: (action: Action) => void;
}

function Summary({ letter, onAction }: SummaryProps) {
  const { texts } = useConsole();
  const { queue, code, reason, frames, status, group, unwritable } = letter;
  const explanation = texts.codes[code as keyof typeof texts.codes];
  return (
    <section class="card" aria-labelledby="why-title">
      <header class="bar">
        <h2 id="why-title">
          <span class="badge">
            <Plain text={queue ?? texts.unknownQueue} />
          </span>{' '}
          <span class="badge bad">
            <Plain text={code} />
          </span>{' '}
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

function Facts({ letter }: { readonly letter: DeadLetterDetails }) {
  const { texts, format } = useConsole();
  const { messageId, correlationId, traceparent } = letter;
  const traceId = traceparent?.split('-')[1];
  return (
    <section aria-label={texts.facts}>
      <dl class="facts">
        <Fact name={texts.messageId} text={messageId} canCopy />
        <Fact name={texts.type} text={letter.type} />
        <Fact name={texts.client} text={letter.client} />
        <Fact name={texts.correlationId} text={correlationId} canCopy />
        <Fact name={texts.traceId} text={traceId} canCopy />
        <Fact name={texts.shard} text={letter.shard} />
        <Fact name={texts.attempt} text={format.number(letter.attempt)} />
        <Fact name={texts.redrives} text={format.number(letter.redrives + letter.timesRedriven)} />
        {letter.publishedAt && (
          <div>
            <dt>{texts.publishedAt}</dt>
            <dd>
              <Time at={letter.publishedAt} />
            </dd>
          </div>
        )}
        <div>
          <dt>{texts.deadLetteredAt}</dt>
          <dd>
            <Time at={letter.deadLetteredAt} />
          </dd>
        </div>
        <Fact name={texts.deadLetterId} text={letter.id} canCopy />
      </dl>
    </section>
  );
}

/** The attempts to process the message, with their errors and the delays after them. */
function Attempts({ attempts }: Pick<DeadLetterDetails, 'attempts'>) {
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
                <span class="badge bad">
                  <Plain text={error.code} />
                </span>{' '}
                <Plain text={error.message} />
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

interface FactProps {
  readonly name: string;
  readonly text: string | undefined;
  readonly canCopy?: boolean;
}

function Fact({ name, text, canCopy }: FactProps) {
  const { texts } = useConsole();
  if (text === undefined) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <Plain text={text} /> {canCopy && <CopyButton text={text} label={`${texts.copy}: ${name}`} />}
      </dd>
    </div>
  );
}

interface ValuesProps {
  readonly title: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** A table of headers or properties. */
function Values({ title, values }: ValuesProps) {
  const { texts } = useConsole();
  const shown = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  return (
    <details class="values" open={shown.length <= 12}>
      <summary>
        <h2>
          {title} <small>{shown.length}</small>
        </h2>
      </summary>
      {shown.length === 0 ? (
        <Empty>{texts.none}</Empty>
      ) : (
        <table>
          <tbody>
            {shown.map(([name, value]) => (
              <tr key={name}>
                <th scope="row">
                  <Plain text={name} />
                </th>
                <td>
                  <code>
                    <Plain text={shortened(typeof value === 'string' ? value : JSON.stringify(value))} />
                  </code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </details>
  );
}

const shortened = (text: string) => (text.length > 2_000 ? `${text.slice(0, 2_000)}…` : text);

function History({ letter: { history } }: { readonly letter: DeadLetterDetails }) {
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
