import { useEffect, useRef, useState } from 'preact/hooks';

import { withQuery, type DeadLetter, type DeadLetterList, type Failure, type Query } from '../api.ts';
import { failureOf, useConsole } from '../context.ts';
import type { Filter } from '../filter.ts';

const PAGE = 50;

const MAX_NEWER = 100;

/** The dead letters that have arrived since the list was read. */
interface Newer {
  readonly count: number;
  readonly isMore: boolean;
}

export interface LoadedDeadLetters {
  readonly deadLetters: readonly DeadLetter[] | undefined;
  /** The position of the next page. Undefined if the list is complete. */
  readonly cursor: string | undefined;
  readonly failure: Failure | undefined;
  readonly newer: Newer | undefined;
  /**
   * Reads the first page of the list. If `after` is set, reads the page after this position, and appends the page to
   * the list.
   */
  read(after?: string): Promise<void>;
}

interface Wanted {
  readonly filter: Filter;
  readonly status: string;
  /** An opaque version of the dead-letter list. It changes whenever the dead letters that match the filter change. */
  readonly version: string | undefined;
  /** Whether the operator has selected some of the dead letters. */
  readonly hasSelection: boolean;
}

/**
 * Reads the dead letters that match a filter, newest first, and reads them again when `version`, the version of the
 * list, changes. While the operator has selected dead letters or has read further pages, the hook does not read the
 * list again, but only counts the newer dead letters.
 */
export function useDeadLetters({ filter, status, version, hasSelection }: Wanted): LoadedDeadLetters {
  const { request } = useConsole();
  const [deadLetters, setDeadLetters] = useState<readonly DeadLetter[]>();
  const [cursor, setCursor] = useState<string>();
  const [failure, setFailure] = useState<Failure>();
  const [newer, setNewer] = useState<Newer>();
  const wanted = JSON.stringify([filter, status]);
  const current = useRef(wanted);
  current.current = wanted;
  const readVersion = useRef<string | undefined>(undefined);

  const list = (query: Query) =>
    request<DeadLetterList>({ method: 'GET', path: withQuery('/dead-letters', { ...filter, status, ...query }) });

  async function read(after?: string) {
    setFailure(undefined);
    if (after === undefined) {
      readVersion.current = version;
      setNewer(undefined);
    }
    try {
      const page = await list({ limit: PAGE, cursor: after });
      if (current.current !== wanted) return;
      setDeadLetters((before = []) => (after === undefined ? page.deadLetters : [...before, ...page.deadLetters]));
      setCursor(page.cursor);
    } catch (error) {
      if (current.current === wanted) setFailure(failureOf(error));
    }
  }

  async function countNewer(shown: readonly DeadLetter[]) {
    const newest = shown[0];
    const from = newest ? new Date(Date.parse(newest.deadLetteredAt) + 1).toISOString() : filter.from;
    try {
      const page = await list({ limit: MAX_NEWER, from });
      if (current.current !== wanted || readVersion.current === version) return;
      setNewer({ count: page.deadLetters.length, isMore: page.cursor !== undefined });
    } catch (error) {
      if (current.current === wanted) setFailure(failureOf(error));
    }
  }

  useEffect(() => {
    setDeadLetters(undefined);
    void read();
  }, [wanted]);

  const isHeld = hasSelection || (deadLetters?.length ?? 0) > PAGE;
  useEffect(() => {
    if (deadLetters === undefined || version === undefined || readVersion.current === version) return;
    void (isHeld ? countNewer(deadLetters) : read());
  }, [version, deadLetters === undefined, isHeld]);

  return { deadLetters, cursor, failure, newer, read };
}
