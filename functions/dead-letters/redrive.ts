import * as z from 'zod';

import { systemClock } from '../../lib/clock.ts';
import { config } from '../../lib/config.ts';
import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { Problem } from '../../lib/http/problem.ts';
import { path } from './path.ts';
import { readLetter } from './read-letter.ts';
import { obstacleTo, type Obstacle } from './redrivable.ts';
import { sendBack } from './send-back.ts';

const body = z.strictObject({ force: z.boolean().default(false) }).default({ force: false });

const explanations: Record<Obstacle, string> = {
  'already-discarded': 'It was discarded, and stays so.',
  'already-redriven': 'A copy was sent back already; send {"force": true} to send another.',
  'too-old': 'What was done with the message may be forgotten, and done again; send {"force": true} to risk it.',
  'no-origin': 'The message names no queue, so there is none to send it back to.',
};

/** POST /dead-letters/{id}/redrive: sends a message back to the queue it came from, its attempts counted afresh. */
export const handler = endpoint({ path, body }, async ({ path: { id }, body: { force }, note }) => {
  note({ deadLetterId: id });
  const { deadLetter, letter } = await readLetter(id);
  note({ messageId: deadLetter.messageId });
  const rememberedDays = config().INBOX_RETENTION_DAYS;
  const obstacle = obstacleTo(deadLetter, { force, nowMs: systemClock.now(), rememberedDays });
  if (obstacle) throw new Problem(obstacle, explanations[obstacle]);
  const [error] = await sendBack([{ deadLetter, letter }]);
  if (error) throw error;
  return ok({ id, status: 'redriven', queue: deadLetter.queue, messageId: deadLetter.messageId });
});
