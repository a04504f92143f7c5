import { createHash } from 'node:crypto';

import { shortText } from '../runtime/short-text.ts';
import type { DeadLetter } from './dead-letter.ts';

/** A group of dead letters with the same queue, error code and cause. */
export interface Group {
  /** The id of the group, which is derived from the queue, the error code and the cause. */
  readonly group: string;
  /** What the dead letters of the group have in common, for example the function that threw the error. */
  readonly cause: string;
}

const MAX_CAUSE_LENGTH = 200;

export function groupOf({
  queue,
  code,
  reason,
  frames,
}: Pick<DeadLetter, 'queue' | 'code' | 'reason' | 'frames'>): Group {
  const cause = shortText(causeOf(code, reason, frames), MAX_CAUSE_LENGTH);
  const hash = createHash('sha256').update(JSON.stringify([queue ?? '', code, cause]));
  return { group: hash.digest('hex').slice(0, 16), cause };
}

function causeOf(code: string, reason: string, frames: string | undefined): string {
  const frame = frames?.split('\n')[0];
  if (frame) return `${lastCodeOf(reason) ?? code} in ${lineOf(frame)}`;
  if (code === 'SCHEMA_MISMATCH') {
    const paths = Array.from(reason.matchAll(/(?:^|; )(\/[^:;]*):/g), ([, path = '']) =>
      path.replace(/\/\d+(?=\/|$)/g, '/*'),
    );
    if (paths.length > 0) return [...new Set(paths)].toSorted().join(', ');
  }
  return withoutValues(reason);
}

/** Returns the error code of the last failed attempt from the reason of a dead letter, for example `NO_SHELF`. */
const lastCodeOf = (reason: string): string | undefined =>
  /^(?:\d+ attempts? failed, the last with )?([A-Z][A-Z0-9_]*): /.exec(reason)?.[1];

/**
 * Returns the file and line of a stack frame, without the column. The name of the function is left out, because it is
 * minified.
 */
const lineOf = (frame: string): string => frame.replace(/^.*\((.*)\)$/, '$1').replace(/:\d+$/, '');

const withoutValues = (reason: string): string =>
  reason
    .replace(/"[^"]*"|'[^']*'/g, '…')
    .replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b|\d+(\.\d+)?/gi, '…');
