import { useId, useMemo, useState } from 'preact/hooks';

import type { DeadLetterDetails, EditAnswer, Failure } from '../api.ts';
import { CodeBadge, QueueBadge } from '../components/badges.tsx';
import { ActionButton } from '../components/buttons.tsx';
import { Curl } from '../components/curl.tsx';
import { Diff } from '../components/diff.tsx';
import { ForceField, refusalReasons } from '../components/force-field.tsx';
import { Plain } from '../components/plain.tsx';
import { ReasonField } from '../components/reason-field.tsx';
import { FailureNote, View } from '../components/states.tsx';
import { failureOf, useConsole, useGet } from '../context.ts';
import { formatted } from '../json-lines.ts';
import { useLeaveQuestion } from '../leave.ts';
import { writeRoute } from '../route.ts';
import { CheckNote, EDIT_SCOPE, useCheck } from './edit-check.tsx';

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
      <View loaded={loaded}>
        {(deadLetter) => (
          <>
            <p>
              <QueueBadge queue={deadLetter.queue} /> <CodeBadge code={deadLetter.code} />{' '}
              <code>
                <Plain text={deadLetter.messageId ?? deadLetter.id} />
              </code>
            </p>
            <EditForm deadLetter={deadLetter} path={`${path}/edit`} />
          </>
        )}
      </View>
    </>
  );
}

interface EditFormProps {
  readonly deadLetter: DeadLetterDetails;
  readonly path: string;
}

function EditForm({ deadLetter, path }: EditFormProps) {
  const { texts, request, has } = useConsole();
  const id = useId();
  const raw = deadLetter.body.text ?? '';
  const original = useMemo(() => formatted(raw) ?? raw, [raw]);
  const [text, setText] = useState(original);
  const [reason, setReason] = useState('');
  const [isForced, setForced] = useState(false);
  const [isSending, setSending] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const [sent, setSent] = useState<EditAnswer>();
  const check = useCheck(path, text, isForced);
  useLeaveQuestion(sent === undefined && text !== original ? texts.leaveEdit : undefined);

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
        if (isValid && reason.trim() && !isSending && has(EDIT_SCOPE)) void send();
      }}
    >
      {!has(EDIT_SCOPE) && <p class="note warn">{texts.denied(EDIT_SCOPE)}</p>}
      {deadLetter.body.text === undefined && <p class="note warn">{texts.editNotText}</p>}
      <div class="edit-columns">
        <div>
          <div class="bar">
            <label for={`${id}-body`}>
              <strong>{texts.body}</strong>{' '}
              {deadLetter.schema && (
                <small>
                  <Plain text={`${deadLetter.schema.type} v${deadLetter.schema.version}`} />
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
          <CheckNote id={`${id}-check`} check={check} text={text} />
          <Diff before={original} after={text} />
        </div>
      </div>
      <ReasonField value={reason} onChange={setReason} />
      <ForceField
        texts={texts.forceEdit}
        reasons={[...refusalReasons(check), ...refusalReasons(failure)]}
        checked={isForced}
        onChange={(isForced) => {
          setForced(isForced);
          setFailure(undefined);
        }}
      />
      {failure && <FailureNote failure={failure} />}
      <Curl request={planned} />
      <div class="buttons end">
        <ActionButton
          scope={EDIT_SCOPE}
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
