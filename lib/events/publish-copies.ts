import type { PublishError } from '../runtime/errors.ts';
import type { Tracing } from '../runtime/tracing.ts';
import type { Message } from './message.ts';
import type { Publisher } from './publish.ts';
import { startSending } from './sending.ts';
import type { Trace } from './trace.ts';

interface CopyToSend {
  readonly copy: Message;
  readonly parent?: Partial<Trace>;
}

/**
 * Publishes copies of messages, each with a span. The result has one entry per copy: an error, or `undefined` if the
 * broker confirmed the copy.
 */
export async function publishCopies(
  { publisher, tracing }: { readonly publisher: Publisher; readonly tracing?: Tracing },
  copies: readonly CopyToSend[],
  deadlineMs?: () => number,
): Promise<(PublishError | undefined)[]> {
  const sendings = copies.map(({ copy, parent }) => startSending(tracing, copy, { parent, isCopy: true }));
  const messages = sendings.map(({ message }) => message);
  const errors = [...(await publisher.publishAll(messages, deadlineMs))];
  const again = copies.flatMap(({ copy }, index) =>
    errors[index]?.code === 'UNWRITABLE' && sendings[index]!.message !== copy ? [{ copy, index }] : [],
  );
  if (again.length > 0) {
    const untraced = again.map(({ copy }) => copy);
    const later = await publisher.publishAll(untraced, deadlineMs);
    for (const [position, { index }] of again.entries()) errors[index] = later[position];
  }
  for (const [index, sending] of sendings.entries()) sending.end(errors[index]);
  return errors;
}
