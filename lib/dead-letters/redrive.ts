import pMap from 'p-map';

import { queues } from '../../infra/topology.ts';
import { publisher } from '../rabbitmq/broker.ts';
import { unwritableParts, withoutParts } from '../rabbitmq/encode-message.ts';
import { redrivenCopy } from '../events/copies.ts';
import { wayBackTo } from '../rabbitmq/topology/shards.ts';
import { systemClock } from '../runtime/clock.ts';
import { describeError, isOfMessage, type PublishError } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';
import { count } from '../runtime/metrics.ts';
import type { DeadLetter, ArchivedMessage } from './dead-letter.ts';
import { recordRedrive, recordUnwritable } from './record-action.ts';

/** Records that are written at once. */
const CONCURRENCY = 16;

/**
 * Publishes each message straight to the queue it came from, to the same shard while there is one, and notes it in its
 * record once that is confirmed. Each dead letter's own error, if any. A crash in between leaves it open; sent again it
 * carries the same number, and is done once. `force` leaves out what cannot be written.
 */
export async function sendBack(
  letters: readonly { readonly deadLetter: DeadLetter; readonly letter: ArchivedMessage }[],
  { force }: { readonly force: boolean },
): Promise<(Error | undefined)[]> {
  const at = new Date(systemClock.now()).toISOString();
  const copies = letters.map(({ deadLetter, letter }) => {
    const copy = redrivenCopy(letter, wayBack(deadLetter), { redrives: nextNumber(deadLetter), at });
    return force ? withoutParts(copy, unwritableParts(copy)) : copy;
  });
  const refusals = await publisher().publishAll(copies);
  return pMap(
    letters,
    async ({ deadLetter }, index) => {
      const refusal = refusals[index];
      if (refusal && isOfMessage(refusal)) await noteUnwritable(deadLetter, refusal);
      const error = refusal ?? (await noteRedrive(deadLetter));
      tell(deadLetter, error);
      return error;
    },
    { concurrency: CONCURRENCY },
  );
}

function wayBack({ queue: name = '', shard = name }: DeadLetter) {
  const queue = Object.values(queues).find((one) => one.name === name);
  return queue ? wayBackTo(queue, shard) : { exchange: '', routingKey: name };
}

/** Higher than that of any copy before: the inbox drops a failed copy whose number it has placed already. */
const nextNumber = ({ redrives, timesRedriven }: DeadLetter): number => redrives + timesRedriven + 1;

async function noteRedrive(deadLetter: DeadLetter): Promise<Error | undefined> {
  const at = new Date(systemClock.now()).toISOString();
  try {
    await recordRedrive(deadLetter, { is: 'redriven', at, redrives: nextNumber(deadLetter) });
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** Without the note, a redrive of many tries the message again, and is refused again. */
async function noteUnwritable({ id }: DeadLetter, { message }: PublishError): Promise<void> {
  await recordUnwritable(id, message).catch((error: unknown) =>
    log().warn('dead letter not noted as unwritable', { deadLetterId: id, because: describeError(error) }),
  );
}

function tell(deadLetter: DeadLetter, error: Error | undefined): void {
  const { id: deadLetterId, messageId, correlationId, queue } = deadLetter;
  const about = { deadLetterId, messageId, correlationId, queue, redrives: nextNumber(deadLetter) };
  if (error) log().warn('dead letter not redriven', { ...about, because: describeError(error) });
  else log().info('dead letter redriven', about);
  if (!error) count('Redriven', 1, { queue: queue ?? 'unknown' });
}
