import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { operator } from '../../lib/http/auth/operator.ts';
import type { Route } from '../../lib/http/route.ts';
import { exampleLetter, wholeDeadLetter } from '../../lib/dead-letters/answers.ts';
import { path } from './path.ts';
import { presentWhole } from '../../lib/dead-letters/present.ts';
import { readLetter } from '../../lib/dead-letters/read.ts';

export const route = {
  route: 'GET /dead-letters/{id}',
  summary: 'A dead letter: the message byte for byte, and all that is known of it.',
  access: operator('dead-letters:read'),
  path,
  needs: ['store'],
  answers: { 200: wholeDeadLetter },
  problems: ['not-found'],
  example: {
    answer: {
      ...exampleLetter,
      history: [],
      properties: { contentType: 'application/json', deliveryMode: 2 },
      headers: { 'surehop-attempt': 4 },
      body: { base64: 'e30=', text: '{}' },
    },
  },
} satisfies Route;

/** GET /dead-letters/{id}: the message byte for byte, and all that is known of it. */
export const handler = endpoint(route, async ({ path: { id } }) => {
  const { deadLetter, letter } = await readLetter(id);
  return ok(presentWhole(deadLetter, letter));
});
