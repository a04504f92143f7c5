import { ok } from '../../lib/http/answer.ts';
import { audited } from '../../lib/http/audited.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { Problem } from '../../lib/http/problem.ts';
import { faultsIn } from '../../lib/http/validate.ts';
import { unknownValues } from '../../lib/dead-letters/known-values.ts';
import { redriveLetters } from '../../lib/dead-letters/redrive-many.ts';
import { route } from './redrive-many-route.ts';

/** POST /dead-letters/redrive: sends many open dead letters back, oldest first. */
export const handler = endpoint(route, async (request) => {
  const { filter, maximum, force, reason: why } = request.body;
  const errors = (await unknownValues(filter)).map(({ field, detail }) => ({ pointer: `/filter/${field}`, detail }));
  if (errors.length > 0)
    throw new Problem('invalid-body', faultsIn(errors.length, 'the body'), { members: { errors } });
  const report = await audited(request, { subject: 'dead-letters', wish: { filter, maximum, force }, why }, () =>
    redriveLetters(filter, { maximum, force, remainingMs: request.remainingMs }),
  );
  const { redriven, skipped, failed, unwritable, more } = report;
  request.note({ redriven, skipped: skipped.length, failed: failed.length, unwritable: unwritable.length, more });
  return ok(report);
});
