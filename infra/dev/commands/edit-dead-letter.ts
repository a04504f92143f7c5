import { readFileSync } from 'node:fs';

import { authorization, refusalOf, sendRequest, type ServiceResponse } from '../client/service-client.ts';
import { Problem, reasonOf, say } from '../runtime/command-line.ts';
import { counted, print, UsageError } from './command.ts';

interface Options {
  readonly because?: string;
  readonly type?: string;
  readonly force?: boolean;
  readonly 'dry-run'?: boolean;
}

interface Fault {
  readonly path: string;
  readonly message: string;
}

/**
 * Sends an edited message in place of a dead letter, or with `--dry-run` only checks the edited body. Returns exit code
 * 1 if the body does not match the schema of its event.
 */
export async function editDeadLetter(
  url: string,
  [id, body, ...others]: readonly string[],
  { because, type, force, 'dry-run': dryRun = false }: Options,
): Promise<number> {
  if (id === undefined || body === undefined || others.length > 0)
    throw new UsageError(
      'surehop dead-letters edit needs the id of one dead letter, and its new body as JSON or @FILE',
    );
  if (because === undefined && !dryRun)
    throw new UsageError(
      'surehop dead-letters edit needs --because with a reason, which the archive keeps with the dead letter',
    );
  const response = await sendRequest(url, {
    method: 'POST',
    path: `/dead-letters/${encodeURIComponent(id)}/edit`,
    headers: { 'content-type': 'application/json', ...(await authorization(['dead-letters:edit'])) },
    body: JSON.stringify({ body: bodyOf(body), type, force, dryRun, reason: because }),
  });
  const answer = parsed(response);
  if (response.status === 422 && answer.faults) return refused(answer.faults, answer.schema);
  if (response.status !== 200 && response.status !== 202)
    throw new Problem(`the edit of the dead letter ${id} failed: ${refusalOf(response)}`);
  if (!dryRun) {
    const { messageId, queue, isPublished, error } = answer;
    print(messageId ?? '');
    say(
      isPublished
        ? `the edited message was sent to the queue ${queue}`
        : `the edited message is stored, and is sent to the queue ${queue} within minutes (${error})`,
    );
    return 0;
  }
  const { schema, faults = [] } = answer;
  if (faults.length > 0) return refused(faults, schema);
  say(
    schema
      ? `the body matches the schema of ${schema.type} v${schema.version}; nothing was sent`
      : 'the service has no schema for this type of message; nothing was sent',
  );
  return 0;
}

interface Answer {
  readonly messageId?: string;
  readonly queue?: string;
  readonly isPublished?: boolean;
  readonly error?: string;
  readonly schema?: { readonly type: string; readonly version: number };
  readonly faults?: readonly Fault[];
}

function parsed({ text }: ServiceResponse): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return {};
  }
}

function refused(faults: readonly Fault[], schema: Answer['schema']): number {
  for (const { path, message } of faults) print(`${path || 'the body'}: ${message}`);
  const event = schema ? `${schema.type} v${schema.version}` : 'its event';
  say(`the body does not match the schema of ${event} (${counted(faults.length, 'error')} above); nothing was sent`);
  return 1;
}

/** Returns the body of a request: the bytes of the file for the argument `@FILE`, and otherwise the argument itself. */
function bodyOf(argument: string): object {
  if (!argument.startsWith('@')) return { text: argument };
  const file = argument.slice(1);
  try {
    return { base64: readFileSync(file).toString('base64') };
  } catch (error) {
    throw new UsageError(`cannot read the file ${file}: ${reasonOf(error)}`);
  }
}
