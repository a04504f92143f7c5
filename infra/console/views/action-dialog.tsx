import { useId, useState } from 'preact/hooks';

import { requestFor, sampleOf, selectionOf, type Action, type Sample } from '../action-request.ts';
import type { Failure, Job } from '../api.ts';
import { ActionButton } from '../components/buttons.tsx';
import { Curl } from '../components/curl.tsx';
import { Dialog } from '../components/dialog.tsx';
import { ForceField, refusalReasons } from '../components/force-field.tsx';
import { ReasonField } from '../components/reason-field.tsx';
import { Scope } from '../components/scope.tsx';
import { FailureNote } from '../components/states.tsx';
import { failureOf, useConsole } from '../context.ts';
import type { Target } from '../filter.ts';
import { writeRoute } from '../route.ts';
import { countIn, PreviewNote, usePreview } from './action-preview.tsx';
import { Trial } from './trial.tsx';

const SCOPE = 'dead-letters:redrive';

interface ActionDialogProps {
  readonly action: Action;
  readonly target: Target;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Redrives or discards dead letters: shows what would happen, asks for the reason, and sends the request. */
export function ActionDialog({ action, target, onClose, onDone }: ActionDialogProps) {
  const { texts, format, request } = useConsole();
  const id = useId();
  const [reason, setReason] = useState('');
  const [rate, setRate] = useState('50');
  const [isForced, setForced] = useState(false);
  const [tried, setTried] = useState<Sample>();
  const [isSending, setSending] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const [isDone, setDone] = useState(false);

  const rest = tried?.rest ?? target;
  const preview = usePreview({ action, ...selectionOf(rest), force: isForced }, tried?.deadLetter.id);
  const counted = preview && 'count' in preview ? preview : undefined;
  const order = { reason: reason.trim() || texts.reasonExample, ratePerSecond: Number(rate), force: isForced };
  const planned = requestFor(action, rest, order);
  const isValid = reason.trim() !== '' && Number(rate) >= 0.1 && Number(rate) <= 1_000;

  const canStart = isValid && !isSending && preview !== undefined && counted?.count !== 0;

  async function run(work: () => Promise<void>) {
    setSending(true);
    setFailure(undefined);
    try {
      await work();
    } catch (error) {
      setFailure(failureOf(error));
    }
    setSending(false);
  }

  const start = () =>
    run(async () => {
      const answer = await request<{ id: string }>(planned);
      onDone();
      if (rest.kind === 'one') return setDone(true);
      onClose();
      location.hash = writeRoute('jobs', { id: (answer as Job).id });
    });

  const tryOne = () =>
    run(async () => {
      const sample = await sampleOf(request, target, counted?.skippedIds);
      if (!sample) return;
      await request(requestFor('redrive', { kind: 'one', deadLetter: sample.deadLetter }, order));
      setTried(sample);
      onDone();
    });

  const title = texts.actionTitles[action][target.kind === 'filter' && target.group ? 'group' : target.kind];
  const canTry = action === 'redrive' && target.kind !== 'one' && !tried && (counted?.count ?? 0) > 1;
  if (isDone)
    return (
      <Dialog title={title} onClose={onClose}>
        <p role="status" class="note good">
          {texts.actionDone[action]}
        </p>
        <div class="buttons end">
          <button type="button" class="primary" ref={takeFocus} onClick={onClose}>
            {texts.close}
          </button>
        </div>
      </Dialog>
    );
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (canStart) void start();
        }}
      >
        {target.kind === 'filter' && (
          <p>
            <Scope filter={target.filter} group={target.group} />
          </p>
        )}
        {target.kind === 'one' && target.deadLetter.status === 'redriven' && (
          <p class="note warn">{texts.redrivenAlready}</p>
        )}
        <PreviewNote preview={preview} action={action} />
        {tried && <Trial deadLetter={tried.deadLetter} />}
        <ReasonField autofocus value={reason} onChange={setReason} />
        {target.kind !== 'one' && (
          <>
            <label for={`${id}-rate`}>
              {texts.rate} <small>{texts.rateHint}</small>
            </label>
            <input
              id={`${id}-rate`}
              type="number"
              min="0.1"
              max="1000"
              step="any"
              value={rate}
              onInput={(event) => setRate(event.currentTarget.value)}
            />
            {counted && Number(rate) > 0 && counted.count > 0 && (
              <p>
                <small>
                  {texts.takesAbout(format.duration(Math.max((counted.count / Number(rate)) * 1_000, 1_000)))}
                </small>
              </p>
            )}
          </>
        )}
        {action === 'redrive' && (
          <ForceField
            texts={texts.force[target.kind === 'one' ? 'one' : 'many']}
            reasons={[...Object.keys(counted?.skipped ?? {}), ...refusalReasons(failure)]}
            checked={isForced}
            onChange={(isForced) => {
              setForced(isForced);
              setFailure(undefined);
            }}
          />
        )}
        {failure && <FailureNote failure={failure} />}
        <Curl request={planned} />
        <div class="buttons end">
          <button type="button" onClick={onClose}>
            {texts.cancel}
          </button>
          {canTry && (
            <ActionButton scope={SCOPE} disabled={isSending || !isValid} onClick={() => void tryOne()}>
              {texts.tryOne}
            </ActionButton>
          )}
          <ActionButton scope={SCOPE} kind={action === 'discard' ? 'danger' : 'primary'} disabled={!canStart}>
            {tried
              ? texts.theRest(counted && countIn(counted, format))
              : texts.actionButtons[action](counted && target.kind !== 'one' ? countIn(counted, format) : undefined)}
          </ActionButton>
        </div>
      </form>
    </Dialog>
  );
}

const takeFocus = (button: HTMLButtonElement | null) => button?.focus();
