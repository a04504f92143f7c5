import * as z from 'zod';

import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { operator } from '../../lib/http/auth/operator.ts';
import { Problem } from '../../lib/http/problem.ts';
import type { Route } from '../../lib/http/route.ts';
import { faultsIn } from '../../lib/http/validate.ts';
import { deadLetterList, exampleLetter } from '../../lib/dead-letters/answers.ts';
import { readCursor, writeCursor } from '../../lib/dead-letters/cursor.ts';
import { deadLetterStatuses } from '../../lib/dead-letters/dead-letter.ts';
import { unknownValues } from '../../lib/dead-letters/known-values.ts';
import { listLetters } from '../../lib/dead-letters/list.ts';
import { present } from '../../lib/dead-letters/present.ts';

const text = z.string().min(1).max(255);

const query = z.strictObject({
  queue: text.optional(),
  code: text.optional(),
  status: z.enum(deadLetterStatuses).optional(),
  limit: z
    .string()
    .regex(/^([1-9]\d?|100)$/, 'must be 1 to 100')
    .default('20')
    .transform(Number),
  cursor: z.string().max(1_000).transform(readCursor).optional(),
});

export const route = {
  route: 'GET /dead-letters',
  summary: 'Dead letters, newest first, a page at a time.',
  access: operator('dead-letters:read'),
  query,
  needs: ['store'],
  answers: { 200: deadLetterList },
  example: { answer: { deadLetters: [exampleLetter], cursor: 'MjAyNi0xMS0yMg' } },
} satisfies Route;

/** GET /dead-letters: newest first, a page at a time. */
export const handler = endpoint(route, async ({ query: { limit, cursor, ...filter } }) => {
  const errors = (await unknownValues(filter)).map(({ field, detail }) => ({ in: 'query', parameter: field, detail }));
  if (errors.length > 0)
    throw new Problem('invalid-parameters', faultsIn(errors.length, 'the query'), { members: { errors } });
  const { deadLetters, after } = await listLetters(filter, { limit, after: cursor });
  return ok({ deadLetters: deadLetters.map(present), cursor: after && writeCursor(after) });
});
