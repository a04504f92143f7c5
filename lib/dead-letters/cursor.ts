import { Problem } from '../http/problem.ts';

/** A place in the list as a client is given it: opaque, and safe in a query. */
export const writeCursor = (after: string): string => Buffer.from(after).toString('base64url');

/** The place that `writeCursor` wrote; a problem for anything else. */
export function readCursor(cursor: string): string {
  const after = Buffer.from(cursor, 'base64url').toString();
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z#[\x21-\x7e]{1,255}$/.test(after) || writeCursor(after) !== cursor)
    throw new Problem('invalid-parameters', 'The cursor is not one that this list gave out.', {
      members: { errors: [{ in: 'query', parameter: 'cursor', detail: 'not a cursor of this list' }] },
    });
  return after;
}
