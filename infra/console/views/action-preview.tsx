import { useEffect, useState } from 'preact/hooks';

import { JOBS, type Action, type Send } from '../action-request.ts';
import type { Failure, JobDryRun } from '../api.ts';
import { FailureNote, Loading } from '../components/states.tsx';
import { failureOf, useConsole } from '../context.ts';
import type { Format } from '../format.ts';

/** The dialog stops counting at this many dead letters, because a job handles at most this many. */
const MAXIMUM = 1_000_000;

/** The page remembers at most this many ids, because a selection contains at most this many dead letters. */
const MAXIMUM_IDS = 1_000;

/** What an action would do, as far as the dry run has counted. */
interface Preview {
  readonly count: number;
  /** The numbers of dead letters that the action would skip, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** The ids of the first dead letters that the action would skip. */
  readonly skippedIds: ReadonlySet<string>;
  readonly isIncomplete: boolean;
  readonly isCounting: boolean;
}

/** Finds out what a job would do, without doing it. Counts again when the order or `tried` changes. */
export function usePreview(order: object, tried: string | undefined): Preview | Failure | undefined {
  const { request } = useConsole();
  const [preview, setPreview] = useState<Preview | Failure>();
  useEffect(() => {
    let isStopped = false;
    setPreview(undefined);
    async function count() {
      for await (const value of previews(request, order)) {
        if (isStopped) return;
        setPreview(value);
      }
    }
    count().catch((error: unknown) => !isStopped && setPreview(failureOf(error)));
    return () => void (isStopped = true);
  }, [JSON.stringify(order), tried]);
  return preview;
}

/** Counts what an action would do, in one request after another. Yields the numbers after each request. */
async function* previews(send: Send, order: object): AsyncGenerator<Preview> {
  const skipped: Record<string, number> = {};
  const skippedIds = new Set<string>();
  let count = 0;
  let examined = 0;
  let cursor: string | undefined;
  do {
    const body = { ...order, dryRun: true, ...(cursor !== undefined && { cursor }) };
    const page = await send<JobDryRun>({ method: 'POST', path: JOBS, body });
    count += page.count;
    examined += page.count + page.skipped.length;
    for (const { id, reason } of page.skipped) {
      skipped[reason] = (skipped[reason] ?? 0) + 1;
      if (skippedIds.size < MAXIMUM_IDS) skippedIds.add(id);
    }
    cursor = page.cursor;
    const isIncomplete = cursor !== undefined;
    yield { count, skipped: { ...skipped }, skippedIds, isIncomplete, isCounting: isIncomplete && examined < MAXIMUM };
  } while (cursor !== undefined && examined < MAXIMUM);
}

export const countIn = ({ count, isIncomplete }: Preview, { number }: Format): string =>
  isIncomplete ? `≥ ${number(count)}` : number(count);

interface PreviewNoteProps {
  readonly preview: Preview | Failure | undefined;
  readonly action: Action;
}

/** Says how many dead letters an action would handle, and how many it would skip. */
export function PreviewNote({ preview, action }: PreviewNoteProps) {
  const { texts, format } = useConsole();
  if (!preview) return <Loading />;
  if (!('count' in preview)) return <FailureNote failure={preview} />;
  const skipped = Object.entries(preview.skipped);
  return (
    <div class="note" role="status">
      <p>
        <strong>{texts.wouldDo[action](countIn(preview, format))}</strong>{' '}
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
