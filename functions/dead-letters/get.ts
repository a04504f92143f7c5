import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { path } from './path.ts';
import { presentWhole } from './present.ts';
import { readLetter } from './read-letter.ts';

/** GET /dead-letters/{id}: the message byte for byte, and all that is known of it. */
export const handler = endpoint({ path }, async ({ path: { id } }) => {
  const { deadLetter, letter } = await readLetter(id);
  return ok(presentWhole(deadLetter, letter));
});
