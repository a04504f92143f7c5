import { toDeadLetter } from '../archive/dead-letter.ts';
import { withIdentity } from '../events/copies.ts';
import { publishCopies } from '../events/publish-copies.ts';
import type { Handoff } from '../inbox/inbox.ts';
import type { Delivery } from '../message/delivery.ts';
import { toResult, type Result } from '../message/message.ts';
import { postponed, unfinished, unfinishedAs, type DeadLettered, type Outcome } from '../message/outcome.ts';
import { isKnownCode } from '../runtime/error-codes.ts';
import { isOfMessage, type PublishError } from '../runtime/errors.ts';
import type { Batch } from './batch.ts';
import { claimBeforePublish, type Leased } from './claim.ts';
import {
  asDeadLetter,
  copyOf,
  deadLetterId,
  handoffOf,
  refuseUnwritable,
  type CopyToPublish,
  type Failed,
} from './copies.ts';
import { publishFollowUps } from './follow-ups.ts';

/**
 * Publishes a copy of each message that is to be retried or dead-lettered. Postponed messages are published later, by
 * `settlePostponed`.
 */
export async function settle(results: readonly Result[], batch: Batch): Promise<Result[]> {
  const failed = results.filter(({ outcome: { is } }) => is === 'retry' || is === 'dead-letter');
  return replaced(results, whenLeased(await handOff(failed, batch), postponed('LEASED', batch.queue, 0)));
}

/** Publishes a copy of each postponed message, unless the whole batch is going to be redelivered. */
export async function settlePostponed(results: readonly Result[], batch: Batch): Promise<Result[]> {
  const waiting = results.filter(({ outcome: { is } }) => is === 'postponed');
  const willBeRedelivered = results.some(({ outcome: { is } }) => is === 'unfinished');
  const settled = willBeRedelivered
    ? waiting.map((result) => toResult(result, withBatch(result.outcome as Failed)))
    : whenLeased(await handOff(waiting, batch), unfinishedAs('LEASED'));
  return replaced(results, settled);
}

/**
 * Records in the inbox which messages of an ordered queue become dead letters, before later messages with the same
 * ordering key are processed.
 */
export const claimInOrder = async (results: readonly Result[], batch: Batch): Promise<Result[]> =>
  whenLeased(await claimBeforePublish(results, batch), postponed('LEASED', batch.queue, 0));

const withBatch = ({ code, message }: Failed): Outcome => ({ is: 'unfinished', code, message });

const whenLeased = (results: readonly (Result | Leased)[], outcome: Outcome): Result[] =>
  results.map((result) => (result.is === 'leased' ? toResult(result, outcome) : result));

function replaced(results: readonly Result[], by: readonly Result[]): Result[] {
  const byDelivery = new Map(by.map((result) => [result.delivery, result]));
  return results.map((result) => byDelivery.get(result.delivery) ?? result);
}

/** Publishes a copy of each failed message, and records the confirmed copies in the inbox. */
async function handOff(failed: readonly Result[], batch: Batch): Promise<(Result | Leased)[]> {
  const { queue, inbox, clock, publishDeadlineMs, warn, trace } = batch;
  if (failed.length === 0) return [];
  const at = new Date(clock.now()).toISOString();
  const writable = failed.map((result) =>
    toResult(result, refuseUnwritable(result.delivery, result.outcome as Failed, at)),
  );
  const settled: (Result | Leased)[] = [];
  const handoffs: Handoff[] = [];
  let copies: CopyToPublish[] = [];
  for (const claimed of await claimAndPublishEvents(writable, batch))
    if (claimed.is === 'result' && isFailed(claimed.outcome))
      copies.push(copyOf(claimed.delivery, claimed.outcome, queue, at));
    else settled.push(claimed);
  while (copies.length > 0) {
    const errors = await publishCopies(
      batch,
      copies.map(({ delivery, copy }) => ({ copy, parent: trace?.of(delivery).trace })),
      publishDeadlineMs,
    );
    const further: CopyToPublish[] = [];
    for (const [index, copy] of copies.entries()) {
      const next = await afterPublish(copy, errors[index], at, batch);
      if ('copy' in next) further.push(next);
      else if (next.is !== 'handed-off') settled.push(next);
      else {
        settled.push(toResult(next, next.outcome));
        handoffs.push(...handoffOf(next.delivery, next.outcome, at, batch));
      }
    }
    copies = further;
  }
  // Without this record, a redelivered batch may publish a second copy, which is a harmless duplicate.
  if (handoffs.length > 0)
    await inbox
      .recordHandoffs(queue.name, handoffs)
      .catch((error: unknown) =>
        warn('cannot record in the inbox that copies of failed messages were published', error),
      );
  return settled;
}

async function claimAndPublishEvents(results: readonly Result[], batch: Batch): Promise<(Result | Leased)[]> {
  const claimed = await claimBeforePublish(results, batch);
  const leased = claimed.filter((one) => one.is === 'leased');
  const others = claimed.filter((one) => one.is === 'result');
  return [...leased, ...(await publishFollowUps(others, batch))];
}

const isFailed = (outcome: Outcome): outcome is Failed =>
  outcome.is === 'retry' || outcome.is === 'postponed' || outcome.is === 'dead-letter';

/** A failed message that is safe to acknowledge, because the broker or the archive has stored a copy of the message. */
interface HandedOff {
  readonly is: 'handed-off';
  readonly delivery: Delivery;
  readonly outcome: Failed;
}

async function afterPublish(
  { delivery, outcome, smaller }: CopyToPublish,
  error: PublishError | undefined,
  at: string,
  batch: Batch,
): Promise<HandedOff | Result | Leased | CopyToPublish> {
  if (!error) return { is: 'handed-off', delivery, outcome };
  if (!isOfMessage(error)) return toResult({ delivery }, unfinished(error));
  const isTooLarge = error.code === 'TOO_LARGE';
  if (outcome.is === 'dead-letter')
    return !isTooLarge && smaller ? smaller() : archive(delivery, asDeadLetter(outcome, error), at, batch);
  const refusal = isTooLarge ? error : { code: 'UNWRITABLE', message: 'the broker refuses a copy of the message' };
  const dead = toResult({ delivery }, asDeadLetter(outcome, refusal));
  const [claimed] = await claimAndPublishEvents([dead], batch);
  if (claimed!.is === 'leased') return claimed!;
  const deadLettered = claimed!.outcome;
  if (deadLettered.is !== 'dead-letter') return claimed!;
  return isTooLarge ? archive(delivery, deadLettered, at, batch) : copyOf(delivery, deadLettered, batch.queue, at);
}

async function archive(
  delivery: Delivery,
  outcome: DeadLettered,
  at: string,
  { queue, clock, archiveDeadLetter }: Batch,
): Promise<HandedOff | Result> {
  const shard = delivery.queue === queue.name ? undefined : delivery.queue;
  // The error codes of a service's own rules can be registered as filter values only by the function that archives dead
  // letters.
  const code = isKnownCode(outcome.code) ? outcome.code : 'TOO_LARGE';
  const origin = {
    id: deadLetterId(delivery, queue, { ...outcome, code }),
    queue: queue.name,
    shard,
    code,
    reason: outcome.message,
    frames: outcome.cause.is === 'thrown' ? outcome.cause.frames.join('\n') || undefined : undefined,
    deadLetteredAt: at,
  };
  try {
    await archiveDeadLetter(toDeadLetter(delivery, origin, clock.now()), withIdentity(delivery));
    return { is: 'handed-off', delivery, outcome };
  } catch (error) {
    return toResult({ delivery }, unfinished(error));
  }
}
