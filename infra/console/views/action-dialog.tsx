import { useEffect, useId, useState } from 'preact/hooks';

import {
  withQuery,
  type DeadLetter,
  type DeadLetterGroups,
  type DeadLetterList,
  type Failure,
  type Job,
  type RedriveReport,
} from '../api.ts';
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

/** How many dead letters a dry run examines at most. */
const DRY_RUN_MAXIMUM = 1_000;

/** What an action would do. */
interface Preview {
  readonly count: number;
  /** Whether more dead letters match than the dry run examined. */
  readonly isAtLeast: boolean;
  /** The numbers of dead letters that the action would skip, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
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

  useEffect(() => {
    let isStopped = false;
    setPreview(undefined);
    previewOf(request, action, target, isForced).then(
      (value) => !isStopped && setPreview(value),
      (error: unknown) => !isStopped && setPreview(failureOf(error)),
    );
    return () => void (isStopped = true);
  }, [isForced, tried]);

  const counted = preview && 'count' in preview ? preview : undefined;
  const rest: Target =
    target.kind === 'selection' && tried
      ? { ...target, letters: target.letters.filter((letter) => letter.id !== tried.id) }
      : target;
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
        <PreviewNote preview={preview} action={action} kind={target.kind} />
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

const number = ({ count, isAtLeast }: Preview, format: (count: number) => string) =>
  isAtLeast ? `≥ ${format(count)}` : format(count);

interface PreviewNoteProps {
  readonly preview: Preview | Failure | undefined;
  readonly action: Action;
  readonly kind: Target['kind'];
}

function PreviewNote({ preview, action, kind }: PreviewNoteProps) {
  const { texts, format } = useConsole();
  if (kind === 'one') return null;
  if (!preview) return <Loading />;
  if (!('count' in preview)) return <FailureNote failure={preview} />;
  const skipped = Object.entries(preview.skipped);
  return (
    <div class="note" role="status">
      <p>
        <strong>{texts.wouldDo[action](number(preview, format.number))}</strong>
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
  const which =
    target.kind === 'filter' ? { filter: target.filter } : { ids: target.letters.map((letter) => letter.id) };
  return {
    method: 'POST',
    path: '/dead-letters/jobs',
    body: { action, ...which, ratePerSecond, ...(force && { force }), reason },
  };
}

/** Finds out what an action would do, without doing it. */
async function previewOf(send: Send, action: Action, target: Target, force: boolean): Promise<Preview> {
  if (target.kind === 'one') return { count: 1, isAtLeast: false, skipped: {} };
  if (target.kind === 'selection') return { count: target.letters.length, isAtLeast: false, skipped: {} };
  const { filter } = target;
  if (action === 'discard') {
    const { groups, isIncomplete } = await send<DeadLetterGroups>({
      method: 'GET',
      path: withQuery('/dead-letters/groups', filter),
    });
    return { count: groups.reduce((sum, group) => sum + group.count, 0), isAtLeast: isIncomplete, skipped: {} };
  }
  const report = await send<RedriveReport>({
    method: 'POST',
    path: '/dead-letters/redrive',
    body: { filter, dryRun: true, maximum: DRY_RUN_MAXIMUM, force },
  });
  const skipped: Record<string, number> = {};
  for (const { reason } of report.skipped) skipped[reason] = (skipped[reason] ?? 0) + 1;
  if (report.unwritable.length > 0) skipped['unwritable'] = report.unwritable.length;
  return { count: report.selected, isAtLeast: report.more, skipped };
}

/** Returns the dead letter with which the operator tries the redrive. */
async function firstOf(send: Send, target: Target): Promise<DeadLetter | undefined> {
  if (target.kind === 'selection') return target.letters[0];
  if (target.kind === 'one') return undefined;
  const path = withQuery('/dead-letters', { ...target.filter, status: 'open', limit: 1 });
  return (await send<DeadLetterList>({ method: 'GET', path })).deadLetters[0];
}
