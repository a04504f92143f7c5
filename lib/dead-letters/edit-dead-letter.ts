import type * as z from 'zod';

import { store, tableName } from '../dynamodb/store.ts';
import { inboxTable } from '../dynamodb/toolkit-tables.ts';
import type { EventDefinition } from '../events/define.ts';
import { ok, type Answer } from '../http/answer.ts';
import { auditWrite } from '../http/audit.ts';
import type { Request } from '../http/request.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import { describeError } from '../runtime/errors.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { checkAnswer } from './answers.ts';
import { carryOut, readForEdit } from './edit.ts';
import { redrivingOf } from './redrive.ts';
import type { editRoute } from './routes/edit.ts';

/**
 * Creates the handler of the route `POST /dead-letters/{id}/edit`. The handler checks edited bodies against the schemas
 * of the given events. The handler is not a method of `DeadLetters`: otherwise, the bundles of all functions for dead
 * letters would contain the schemas of all events.
 */
export function editDeadLetter(
  surehop: Surehop,
  queues: Readonly<Record<string, WorkQueue>>,
  events: readonly EventDefinition<any>[],
): (request: Request<z.infer<typeof editRoute.body>, { readonly id: string }>) => Promise<Answer> {
  const inbox = { client: store(surehop), name: tableName(surehop, inboxTable), clock: surehop.clock };
  const editing = { ...redrivingOf(surehop, Object.values(queues)), inbox, events };
  return async (request) => {
    const { id } = request.path;
    const { body, type, version, force, dryRun, reason = '' } = request.body;
    request.note({ deadLetterId: id, dryRun });
    const bytes = body.text === undefined ? Buffer.from(body.base64 ?? '', 'base64') : Buffer.from(body.text);
    const order = { body: bytes, type, version, force };
    const read = await readForEdit(editing, id, order);
    const { check, messageId, deadLetter } = read;
    if (dryRun) return ok({ id, dryRun, isValid: check.faults.length === 0, ...checkAnswer(check) });
    const requested = { messageId, bodyBytes: bytes.length, type, version, force };
    const audit = auditWrite(request, { subject: `dead-letters/${id}`, requested, reason });
    const operator = { by: request.client, reason, audit: audit.write };
    const { isStored, error } = await carryOut(editing, read, order, operator);
    if (isStored) audit.log();
    const isPublished = error === undefined;
    request.note({ messageId, isPublished });
    const answer = { id, status: 'superseded', messageId, queue: deadLetter.queue, isPublished };
    return isPublished ? ok(answer) : { status: 202, body: { ...answer, error: describeError(error).code } };
  };
}
