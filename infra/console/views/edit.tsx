import { useEffect, useId, useMemo, useState } from 'preact/hooks';

import type { DeadLetterDetails, EditAnswer, EditCheck, Failure } from '../api.ts';
import { failureOf, useConsole, useGet } from '../context.ts';
import { diffLines, withContext } from '../diff.ts';
import { formatted } from '../json-lines.ts';
import { ActionButton } from '../parts/buttons.tsx';
import { Curl } from '../parts/curl.tsx';
import { Plain } from '../parts/plain.tsx';
import { FailureNote, View } from '../parts/states.tsx';
import { writeRoute } from '../route.ts';

const SCOPE = 'dead-letters:edit';

/** How long the operator must have stopped typing before the service checks the body, in ms. */
const PAUSE_MS = 400;

const CONTEXT_LINES = 3;

/** Sends a message with an edited body in place of a dead letter. */
export function Edit({ id }: { readonly id: string }) {
  const { texts } = useConsole();
  const path = `/dead-letters/${encodeURIComponent(id)}`;
  const loaded = useGet<DeadLetterDetails>(path);
  return (
    <>
      <h1 tabIndex={-1}>{texts.editTitle}</h1>
      <p>
        <a href={writeRoute('dead-letters', { id })}>{texts.backToMessage}</a>
      </p>
      <View loaded={loaded}>{(letter) => <EditForm letter={letter} path={`${path}/edit`} />}</View>
    </>
  );
}

interface EditFormProps {
  readonly letter: DeadLetterDetails;
  readonly path: string;
}

function EditForm({ letter, path }: EditFormProps) {
  const { texts, request, has } = useConsole();
  const id = useId();
  const original = letter.body.text ?? '';
  const [text, setText] = useState(original);
  const [reason, setReason] = useState('');
  const [isForced, setForced] = useState(false);
  const [isSending, setSending] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const [sent, setSent] = useState<EditAnswer>();
  const check = useCheck(path, text, isForced);

  const order = { body: { text }, ...(isForced && { force: true }) };
  const planned = { method: 'POST', path, body: { ...order, reason: reason.trim() || texts.reasonExample } };
  const isValid = check !== undefined && 'isValid' in check && check.isValid;

  async function send() {
    setSending(true);
    setFailure(undefined);
    try {
      setSent(await request<EditAnswer>(planned));
    } catch (error) {
      setFailure(failureOf(error));
    }
    setSending(false);
  }

  if (sent)
    return (
      <div class={`note ${sent.isPublished ? 'good' : 'warn'}`} role="status">
        <p>
          <strong>{sent.isPublished ? texts.editSent : texts.editPending}</strong>
        </p>
        <p>
          <a href={writeRoute('messages', { id: sent.messageId })}>
            <code>{sent.messageId}</code>
          </a>
        </p>
      </div>
    );
  return (
    <form
      class="edit"
      onSubmit={(event) => {
        event.preventDefault();
        if (isValid && reason.trim() && !isSending && has(SCOPE)) void send();
      }}
    >
      {!has(SCOPE) && <p class="note warn">{texts.denied(SCOPE)}</p>}
      {letter.body.text === undefined && <p class="note warn">{texts.editNotText}</p>}
      <div class="edit-columns">
        <div>
          <div class="bar">
            <label for={`${id}-body`}>
              <strong>{texts.body}</strong>{' '}
              {letter.schema && (
                <small>
                  <Plain text={`${letter.schema.type} v${letter.schema.version}`} />
                </small>
              )}
            </label>
            <button type="button" class="small" onClick={() => setText(formatted(text) ?? text)}>
              {texts.formatJson}
            </button>
            <button type="button" class="small" disabled={text === original} onClick={() => setText(original)}>
              {texts.reset}
            </button>
          </div>
          <textarea
            id={`${id}-body`}
            rows={20}
            spellcheck={false}
            value={text}
            aria-invalid={check !== undefined && 'isValid' in check && !check.isValid}
            aria-describedby={`${id}-check`}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </div>
        <div>
          <CheckNote id={`${id}-check`} check={check} />
          <Diff before={original} after={text} />
        </div>
      </div>
      <label for={`${id}-reason`}>
        {texts.reason} <small>{texts.reasonHint}</small>
      </label>
      <input
        id={`${id}-reason`}
        required
        maxLength={500}
        autocomplete="off"
        placeholder={texts.reasonExample}
        value={reason}
        onInput={(event) => setReason(event.currentTarget.value)}
      />
      <label class="check">
        <input type="checkbox" checked={isForced} onChange={(event) => setForced(event.currentTarget.checked)} />
        <span>
          {texts.force} <small>{texts.forceEditHint}</small>
        </span>
      </label>
      {failure && <FailureNote failure={failure} />}
      <Curl request={planned} />
      <div class="buttons end">
        <ActionButton
          scope={SCOPE}
          kind="primary"
          disabled={!isValid || !reason.trim() || isSending || text === original}
          onClick={() => void send()}
        >
          {texts.sendEdited}
        </ActionButton>
      </div>
    </form>
  );
}

/** Lets the service check the body against the schema of its event whenever the operator pauses. */
function useCheck(path: string, text: string, force: boolean): EditCheck | Failure | undefined {
  const { request, has } = useConsole();
  const [check, setCheck] = useState<EditCheck | Failure>();
  const isAllowed = has(SCOPE);
  useEffect(() => {
    setCheck(undefined);
    if (!isAllowed) return undefined;
    let isStopped = false;
    const timer = setTimeout(() => {
      const body = { body: { text }, dryRun: true, ...(force && { force }) };
      request<EditCheck>({ method: 'POST', path, body }).then(
        (answer) => !isStopped && setCheck(answer),
        (error: unknown) => !isStopped && setCheck(failureOf(error)),
      );
    }, PAUSE_MS);
    return () => {
      isStopped = true;
      clearTimeout(timer);
    };
  }, [path, text, force, isAllowed]);
  return check;
}

function CheckNote({ id, check }: { readonly id: string; readonly check: EditCheck | Failure | undefined }) {
  const { texts } = useConsole();
  if (check && !('isValid' in check)) return <FailureNote failure={check} />;
  const kind = !check ? '' : check.isValid ? (check.schema ? 'good' : 'warn') : 'bad';
  return (
    <div id={id} class={`note ${kind}`} role="status">
      {!check && <p>{texts.checking}</p>}
      {check && check.isValid && <p>{check.schema ? texts.bodyValid : texts.noSchema}</p>}
      {check && !check.isValid && (
        <>
          <p>
            <strong>{texts.bodyInvalid}</strong>
          </p>
          <ul>
            {check.faults.map(({ path, message }) => (
              <li key={path + message}>
                <code>
                  <Plain text={path || '/'} />
                </code>{' '}
                <Plain text={message} />
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

/** Shows the differences between two bodies. JSON is formatted before it is compared. */
function Diff({ before, after }: { readonly before: string; readonly after: string }) {
  const { texts, format } = useConsole();
  const parts = useMemo(() => {
    const [old, now] = [formatted(before), formatted(after)];
    const lines = old !== undefined && now !== undefined ? diffLines(old, now) : diffLines(before, after);
    return withContext(lines, CONTEXT_LINES);
  }, [before, after]);
  const isChanged = parts.some((part) => 'kind' in part && part.kind !== 'same');
  return (
    <section aria-labelledby="diff-title">
      <h2 id="diff-title">{texts.changes}</h2>
      {isChanged ? (
        <ol class="diff" tabIndex={0} aria-label={texts.changes}>
          {parts.map((part, index) =>
            'leftOut' in part ? (
              <li key={index} class="left-out">
                {texts.linesLeftOut(format.number(part.leftOut))}
              </li>
            ) : (
              <li key={index} class={part.kind}>
                <span class="sign" aria-label={part.kind === 'same' ? undefined : texts.diffKinds[part.kind]}>
                  {{ removed: '−', added: '+', same: ' ' }[part.kind]}
                </span>
                <code>
                  <Plain text={part.text.slice(0, 2_000)} />
                </code>
              </li>
            ),
          )}
        </ol>
      ) : (
        <p class="state empty">{texts.noChanges}</p>
      )}
    </section>
  );
}
