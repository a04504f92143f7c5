import * as z from 'zod';

import { systemClock } from '../../lib/clock.ts';
import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { Problem } from '../../lib/http/problem.ts';
import { path } from './path.ts';
import { readLetter } from './read-letter.ts';
import { recordDiscard } from './record-deed.ts';

const body = z.strictObject({ reason: z.string().trim().min(1).max(1_000) });

/** DELETE /dead-letters/{id}: gives a message up; it is kept with the reason until the archive forgets it. */
export const handler = endpoint({ path, body }, async ({ path: { id }, body: { reason }, note }) => {
  note({ deadLetterId: id });
  const at = new Date(systemClock.now()).toISOString();
  if (await recordDiscard(id, { is: 'discarded', at, reason }))
    return ok({ id, status: 'discarded', discardReason: reason });
  const { deadLetter } = await readLetter(id);
  if (deadLetter.status === 'redriven')
    throw new Problem(
      'already-redriven',
      'A copy was sent back to its queue; if it fails again it is a new dead letter.',
    );
  throw new Problem('already-discarded', 'It was discarded before; the first reason is kept.');
});
