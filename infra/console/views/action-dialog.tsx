import { useEffect, useId, useState } from 'preact/hooks';

import { withQuery, type DeadLetter, type DeadLetterList, type Failure, type Job, type JobDryRun } from '../api.ts';
import { failureOf, useConsole } from '../context.ts';
import type { ApiRequest } from '../curl.ts';
import type { Target } from '../filter.ts';
import { ActionButton } from '../parts/buttons.tsx';
import { Curl } from '../parts/curl.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { FailureNote, Loading } from '../parts/states.tsx';
import { writeRoute } from '../route.ts';
import { Trial } from './trial.tsx';

export type Action = 'redrive' | 'discard';

const SCOPE = 'dead-letters:redrive';

/** The dialog stops counting at this many dead letters, because a job handles at most this many. */
const MAXIMUM = 1_000_000;

/** What an action would do, as far as the dry run has counted. */
interface Preview {
  readonly count: number;
  /** The numbers of dead letters that the action would skip, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  readonly isIncomplete: boolean;
  readonly isCounting: boolean;
}

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
  const [preview, setPreview] = useState<Preview | Failure>();
  const [tried, setTried] = useState<DeadLetter>();
  const [isSending, setSending] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const [isDone, setDone] = useState(false);

  const counted = preview && 'count' in preview ? preview : undefined;
  const rest: Target =
    target.kind === 'selection' && tried
      ? { ...target, letters: target.letters.filter((letter) => letter.id !== tried.id) }
      : target;

  useEffect(() => {
    let isStopped = false;
    setPreview(undefined);
    async function count() {
      for await (const value of previews(request, { action, ...selectionOf(rest), force: isForced })) {
        if (isStopped) return;
        setPreview(value);
      }
    }
    count().catch((error: unknown) => !isStopped && setPreview(failureOf(error)));
    return () => void (isStopped = true);
  }, [isForced, tried]);

  const order = { reason: reason.trim() || texts.reasonExample, ratePerSecond: Number(rate), force: isForced };
  const planned = requestFor(action, rest, order);
  const isValid = reason.trim() !== '' && Number(rate) >= 0.1 && Number(rate) <= 1_000;

  async function run(work: () => Promise<void>) {
    if (!isValid || isSending) return;
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
      const one = await firstOf(request, target);
      if (!one) return;
      await request(requestFor('redrive', { kind: 'one', letter: one }, order));
      setTried(one);
      onDone();
    });

  const title = texts.actionTitles[action][target.kind];
  if (isDone)
    return (
      // With a key of its own, the dialog opens again, and its button gets the focus.
      <Dialog key="done" title={title} onClose={onClose}>
        <p role="status" class="note good">
          {texts.actionDone[action]}
        </p>
        <div class="buttons end">
          <button type="button" class="primary" autofocus onClick={onClose}>
            {texts.close}
          </button>
        </div>
      </Dialog>
    );

  const canTry = action === 'redrive' && target.kind !== 'one' && !tried && (counted?.count ?? 0) > 1;
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        {target.kind === 'one' && target.letter.status === 'redriven' && (
          <p class="note warn">{texts.redrivenAlready}</p>
        )}
        <PreviewNote preview={preview} action={action} />
        {tried && <Trial letter={tried} />}
        <label for={`${id}-reason`}>
          {texts.reason} <small>{texts.reasonHint}</small>
        </label>
        <input
          id={`${id}-reason`}
          required
          autofocus
          maxLength={500}
          autocomplete="off"
          value={reason}
          placeholder={texts.reasonExample}
          onInput={(event) => setReason(event.currentTarget.value)}
        />
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
          <label class="check">
            <input type="checkbox" checked={isForced} onChange={(event) => setForced(event.currentTarget.checked)} />
            <span>
              {texts.force} <small>{texts.forceHint}</small>
            </span>
          </label>
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
          <ActionButton
            scope={SCOPE}
            kind={action === 'discard' ? 'danger' : 'primary'}
            disabled={isSending || !isValid || counted?.count === 0}
            onClick={() => void start()}
          >
            {tried
              ? texts.theRest(counted && number(counted, format.number))
              : texts.actionButtons[action](
                  counted && target.kind !== 'one' ? number(counted, format.number) : undefined,
                )}
          </ActionButton>
        </div>
      </form>
    </Dialog>
  );
}

const number = ({ count, isIncomplete }: Preview, format: (count: number) => string) =>
  isIncomplete ? `≥ ${format(count)}` : format(count);

interface PreviewNoteProps {
  readonly preview: Preview | Failure | undefined;
  readonly action: Action;
}

function PreviewNote({ preview, action }: PreviewNoteProps) {
  const { texts, format } = useConsole();
  if (!preview) return <Loading />;
  if (!('count' in preview)) return <FailureNote failure={preview} />;
  const skipped = Object.entries(preview.skipped);
  return (
    <div class="note" role="status">
      <p>
        <strong>{texts.wouldDo[action](number(preview, format.number))}</strong>{' '}
        {preview.isCounting && <small>{texts.counting}</small>}
      </p>
      {skipped.length > 0 && (
        <ul>
          {skipped.map(([reason, count]) => (
            <li key={reason}>{texts.wouldSkip(format.number(count), texts.skipReasons[reason] ?? reason)}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

type Send = <T>(request: ApiRequest) => Promise<T>;

interface Order {
  readonly reason: string;
  readonly ratePerSecond: number;
  readonly force: boolean;
}

function requestFor(action: Action, target: Target, { reason, ratePerSecond, force }: Order): ApiRequest {
  if (target.kind === 'one') {
    const path = `/dead-letters/${encodeURIComponent(target.letter.id)}`;
    return action === 'redrive'
      ? { method: 'POST', path: `${path}/redrive`, body: { reason, ...(force && { force }) } }
      : { method: 'DELETE', path, body: { reason } };
  }
  return {
    method: 'POST',
    path: JOBS,
    body: { action, ...selectionOf(target), ratePerSecond, ...(force && { force }), reason },
  };
}

const JOBS = '/dead-letters/jobs';

function selectionOf(target: Target): object {
  if (target.kind === 'filter') return { filter: target.filter };
  return { ids: (target.kind === 'one' ? [target.letter] : target.letters).map(({ id }) => id) };
}

/** Counts what an action would do, in one request after another. Yields the numbers after each request. */
async function* previews(send: Send, order: object): AsyncGenerator<Preview> {
  const skipped: Record<string, number> = {};
  let count = 0;
  let examined = 0;
  let cursor: string | undefined;
  do {
    const body = { ...order, dryRun: true, ...(cursor !== undefined && { cursor }) };
    const page = await send<JobDryRun>({ method: 'POST', path: JOBS, body });
    count += page.count;
    examined += page.count + page.skipped.length;
    for (const { reason } of page.skipped) skipped[reason] = (skipped[reason] ?? 0) + 1;
    cursor = page.cursor;
    const isIncomplete = cursor !== undefined;
    yield { count, skipped: { ...skipped }, isIncomplete, isCounting: isIncomplete && examined < MAXIMUM };
  } while (cursor !== undefined && examined < MAXIMUM);
}

/** Returns the dead letter with which the operator tries the redrive. */
async function firstOf(send: Send, target: Target): Promise<DeadLetter | undefined> {
  if (target.kind === 'selection') return target.letters[0];
  if (target.kind === 'one') return undefined;
  const path = withQuery('/dead-letters', { ...target.filter, status: 'open', limit: 1 });
  return (await send<DeadLetterList>({ method: 'GET', path })).deadLetters[0];
}
