import { systemClock } from '../../lib/runtime/clock.ts';
import { config } from '../../lib/runtime/config.ts';
import { isOfMessage, PublishError } from '../../lib/runtime/errors.ts';
import { ok } from '../../lib/http/answer.ts';
import { audited } from '../../lib/http/audited.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { Problem } from '../../lib/http/problem.ts';
import { rememberedSinceMs } from '../../lib/inbox/remembered.ts';
import { readLetter } from '../../lib/dead-letters/read.ts';
import { obstacleTo, type Obstacle } from '../../lib/dead-letters/redrive-refusal.ts';
import { sendBack } from '../../lib/dead-letters/redrive.ts';
import { route } from './redrive-route.ts';

const explanations: Record<Obstacle, string> = {
  'already-discarded': 'It was discarded, and stays so.',
  'already-redriven': 'A copy was sent back already; send {"force": true} to send another.',
  unwritable: 'Parts of it could not be written into a copy; send {"force": true} to send it without them.',
  'too-old': 'What was done with the message may be forgotten, and done again; send {"force": true} to risk it.',
  'no-origin': 'The message names no queue, so there is none to send it back to.',
};

/** POST /dead-letters/{id}/redrive: sends a message back to the queue it came from, its attempts counted afresh. */
export const handler = endpoint(route, async (request) => {
  const { id } = request.path;
  const { force, reason: why } = request.body;
  request.note({ deadLetterId: id });
  const { deadLetter, letter } = await readLetter(id);
  request.note({ messageId: deadLetter.messageId });
  const obstacle = obstacleTo(deadLetter, { force, rememberedSinceMs: rememberedSinceMs(config(), systemClock.now()) });
  if (obstacle)
    throw new Problem(obstacle, explanations[obstacle], {
      members: obstacle === 'unwritable' ? { unwritable: deadLetter.unwritable } : {},
    });
  await audited(request, { subject: `dead-letters/${id}`, wish: { force }, why }, async () => {
    const [error] = await sendBack([{ deadLetter, letter }], { force });
    if (error instanceof PublishError && isOfMessage(error))
      throw new Problem('unwritable', 'The message cannot be sent as it is.', {
        members: { unwritable: error.message },
        cause: error,
      });
    if (error) throw error;
  });
  return ok({ id, status: 'redriven', queue: deadLetter.queue, messageId: deadLetter.messageId });
});
