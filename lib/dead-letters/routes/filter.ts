import * as z from 'zod';

import { readCursor } from '../list.ts';
import { text } from './shared-schemas.ts';

/** A paging token of an earlier response, decoded to a position in the list. */
export const cursor = z
  .string()
  .max(1_000)
  .transform((token, context) => {
    const position = readCursor(token);
    if (position === undefined) context.addIssue('not a cursor of this list');
    return position ?? z.NEVER;
  });
const time = z.iso.datetime({ offset: true }).transform((at) => new Date(at).toISOString());

/**
 * The request parameters that select dead letters: a dead letter must match all given values. `from` is inclusive, and
 * `to` is exclusive.
 */
export const filter = {
  queue: text.optional(),
  code: text.optional(),
  type: text.optional(),
  group: text.optional(),
  client: text.optional(),
  text: text.optional(),
  from: time.optional(),
  to: time.optional(),
};
