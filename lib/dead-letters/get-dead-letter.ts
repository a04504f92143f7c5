import { archiveTable } from '../archive/record.ts';
import type { EventDefinition } from '../events/define.ts';
import { ok, type Answer } from '../http/answer.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { detailsOf, MAX_TEXT_BYTES } from './answers.ts';
import { checkBody, kindOf } from './check-body.ts';
import { readEdited } from './edited-message.ts';
import { readDeadLetter } from './read.ts';

/**
 * Creates the handler of the route `GET /dead-letters/{id}`. If the message is an event in `events`, the handler also
 * checks the body against the schema of the event. The handler is not a method of `createDeadLetters`, so that only its
 * own bundle contains the schemas of the events.
 */
export function getDeadLetter(
  surehop: Surehop,
  events: readonly EventDefinition<any>[],
): (request: { readonly path: { readonly id: string } }) => Promise<Answer> {
  const table = archiveTable(surehop);
  return async ({ path }) => {
    const { deadLetter, message } = await readDeadLetter(table, path.id);
    const isShort = message.body.length <= MAX_TEXT_BYTES;
    const check = isShort ? checkBody(message, kindOf(message), events) : { faults: [] };
    const edit = deadLetter.supersededBy && (await readEdited(table, deadLetter.supersededBy));
    return ok(detailsOf(deadLetter, message, check, edit?.edited));
  };
}
