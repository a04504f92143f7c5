import * as z from 'zod';

import { systemClock } from '../../lib/runtime/clock.ts';
import { ok } from '../../lib/http/answer.ts';
import { audited } from '../../lib/http/audited.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { operator } from '../../lib/http/auth/operator.ts';
import { Problem } from '../../lib/http/problem.ts';
import { reason } from '../../lib/http/reason.ts';
import type { Route } from '../../lib/http/route.ts';
import { discardedLetter } from '../../lib/dead-letters/answers.ts';
import { path } from './path.ts';
import { readLetter } from '../../lib/dead-letters/read.ts';
import { recordDiscard } from '../../lib/dead-letters/record-action.ts';

export const route = {
  route: 'DELETE /dead-letters/{id}',
  summary: 'Gives a message up; it is kept with the reason until the archive forgets it.',
  access: operator('dead-letters:redrive'),
  path,
  body: z.strictObject({ reason }),
  needs: ['store'],
  answers: { 200: discardedLetter },
  problems: ['not-found', 'already-redriven', 'already-discarded'],
  example: {
    body: { reason: 'a test' },
    answer: { id: '3f0a4c1e-0000-5000-8000-000000000001', status: 'discarded', discardReason: 'a test' },
  },
} satisfies Route;

/** DELETE /dead-letters/{id}: gives a message up; it is kept with the reason until the archive forgets it. */
export const handler = endpoint(route, async (request) => {
  const { id } = request.path;
  const { reason: why } = request.body;
  request.note({ deadLetterId: id });
  await audited(request, { subject: `dead-letters/${id}`, why }, () => discard(id, why));
  return ok({ id, status: 'discarded', discardReason: why });
});

async function discard(id: string, why: string): Promise<void> {
  const at = new Date(systemClock.now()).toISOString();
  if (await recordDiscard(id, { is: 'discarded', at, reason: why })) return;
  const { deadLetter } = await readLetter(id);
  if (deadLetter.status === 'redriven')
    throw new Problem(
      'already-redriven',
      'A copy was sent back to its queue; if it fails again it is a new dead letter.',
    );
  throw new Problem('already-discarded', 'It was discarded before; the first reason is kept.');
}
