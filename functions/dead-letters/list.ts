import * as z from 'zod';

import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { deadLetterStatuses } from './dead-letter.ts';
import { listLetters } from './list-letters.ts';
import { present } from './present.ts';

const text = z.string().min(1).max(255);

const query = z.strictObject({
  queue: text.optional(),
  code: text.optional(),
  status: z.enum(deadLetterStatuses).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().max(1_000).transform(readCursor).optional(),
});

/** GET /dead-letters: newest first, a page at a time. */
export const handler = endpoint({ query }, async ({ query: { limit, cursor, ...filter } }) => {
  const { deadLetters, after } = await listLetters(filter, { limit, after: cursor });
  return ok({ deadLetters: deadLetters.map(present), cursor: after && writeCursor(after) });
});
