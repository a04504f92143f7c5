import { toDeadLetter } from '../archive/dead-letter.ts';
import { publishCopies } from '../events/publish-copies.ts';
import { withIdentity } from '../events/copies.ts';
import type { Handoff, Marker } from '../inbox/inbox.ts';
import { isKnownCode } from '../runtime/error-codes.ts';
import { isOfMessage, type PublishError } from '../runtime/errors.ts';
import type { Batch } from './batch.ts';
import {
  asDeadLetter,
  copyOf,
  deadLetterId,
  failedAttemptsOf,
  refuseUnwritable,
  type CopyToPublish,
  type Failed,
} from './copies.ts';
import { wasHandedOff } from './dedupe.ts';
import type { Delivery } from './delivery.ts';
import { factsOf } from './facts.ts';
import { publishFollowUps } from './follow-ups.ts';
import { toResult, type Result } from './message.ts';
import { deadLetter, fromFailedMarker, postponed, unfinished, unfinishedAs } from './outcome.ts';
import type { DeadLettered, Outcome } from './outcome.ts';

/**
 * Publishes a copy of each message that is to be retried or dead-lettered. Postponed messages are published later, by
 * `settlePostponed`.
 */
export async function settle(results: readonly Result[], batch: Batch): Promise<Result[]> {
  const failed = results.filter(({ outcome: { is } }) => is === 'retry' || is === 'dead-letter');
  return replaced(results, await handOff(failed, postponed('LEASED', batch.queue, 0), batch));
}

/** Publishes a copy of each postponed message, unless the whole batch is going to be redelivered. */
export async function settlePostponed(results: readonly Result[], batch: Batch): Promise<Result[]> {
  const waiting = results.filter(({ outcome: { is } }) => is === 'postponed');
  const comesBack = results.some(({ outcome: { is } }) => is === 'unfinished');
  const settled = comesBack
    ? waiting.map((result) => toResult(result, withBatch(result.outcome as Failed)))
    : await handOff(waiting, unfinishedAs('LEASED'), batch);
  return replaced(results, settled);
}

const withBatch = ({ code, message }: Failed): Outcome => ({ is: 'unfinished', code, message });

function replaced(results: readonly Result[], by: readonly Result[]): Result[] {
  const byDelivery = new Map(by.map((result) => [result.delivery, result]));
  return results.map((result) => byDelivery.get(result.delivery) ?? result);
}

/** Publishes a copy of each failed message, and records the confirmed copies in the inbox. */
async function handOff(failed: readonly Result[], whenLeased: Outcome, batch: Batch): Promise<Result[]> {
  const { queue, inbox, clock, publishDeadlineMs, warn, trace } = batch;
  if (failed.length === 0) return [];
  const at = new Date(clock.now()).toISOString();
  const writable = failed.map((result) =>
    toResult(result, refuseUnwritable(result.delivery, result.outcome as Failed, at)),
  );
  const outcomes = new Map<Delivery, Outcome>();
  const handoffs: Handoff[] = [];
  let copies: CopyToPublish[] = [];
  for (const { delivery, outcome } of await claimDeadLetters(writable, whenLeased, at, batch)) {
    outcomes.set(delivery, outcome);
    if (isFailed(outcome) && outcome !== whenLeased) copies.push(copyOf(delivery, outcome, queue, at));
  }
  while (copies.length > 0) {
    const errors = await publishCopies(
      batch,
      copies.map(({ delivery, copy }) => ({ copy, parent: trace?.of(delivery).trace })),
      publishDeadlineMs,
    );
    const further: CopyToPublish[] = [];
    for (const [index, copy] of copies.entries()) {
      const next = await afterPublish(copy, errors[index], at, whenLeased, batch);
      if ('copy' in next) further.push(next);
      else {
        outcomes.set(copy.delivery, next.outcome);
        if (next.isHandedOff) handoffs.push(...handoffOf(copy.delivery, next.outcome, at, batch));
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
  return failed.map((result) => toResult(result, outcomes.get(result.delivery)!));
}

const isFailed = (outcome: Outcome): outcome is Failed =>
  outcome.is === 'retry' || outcome.is === 'postponed' || outcome.is === 'dead-letter';

interface Settled {
  readonly outcome: Outcome;
  readonly isHandedOff?: boolean;
}

async function afterPublish(
  { delivery, outcome, smaller }: CopyToPublish,
  error: PublishError | undefined,
  at: string,
  whenLeased: Outcome,
  batch: Batch,
): Promise<Settled | CopyToPublish> {
  if (!error) return { outcome, isHandedOff: true };
  if (!isOfMessage(error)) return { outcome: unfinished(error) };
  const isTooLarge = error.code === 'TOO_LARGE';
  if (outcome.is === 'dead-letter')
    return !isTooLarge && smaller ? smaller() : archive(delivery, asDeadLetter(outcome, error), at, batch);
  const refusal = isTooLarge ? error : { code: 'UNWRITABLE', message: 'the broker refuses its copy' };
  const dead = { is: 'result', delivery, outcome: asDeadLetter(outcome, refusal) } as const;
  const [claimed] = await claimDeadLetters([dead], whenLeased, at, batch);
  const { outcome: claim } = claimed!;
  if (claim.is !== 'dead-letter') return { outcome: claim };
  return isTooLarge ? archive(delivery, claim, at, batch) : copyOf(delivery, claim, batch.queue, at);
}

/**
 * Records in the inbox which messages of an ordered queue become dead letters. After a crash, these messages are not
 * processed again, and later messages with the same ordering key may therefore be processed.
 */
export const claimInOrder = async (results: readonly Result[], batch: Batch): Promise<readonly Result[]> =>
  claimDeadLetters(results, postponed('LEASED', batch.queue, 0), new Date(batch.clock.now()).toISOString(), batch);

/** Records in the inbox which messages become dead letters, before any dead letter is published. */
async function claimDeadLetters(
  results: readonly Result[],
  whenLeased: Outcome,
  at: string,
  batch: Batch,
): Promise<readonly Result[]> {
  const { queue, inbox } = batch;
  const claims = results.flatMap((result) => {
    const { delivery, outcome } = result;
    if (outcome.is !== 'dead-letter' || outcome.isInvalid || outcome.givenUpAt) return [];
    return handoffOf(delivery, outcome, at, batch).map((handoff) => ({ delivery, outcome, handoff }));
  });
  if (claims.length === 0) return results;
  try {
    const handoffs = claims.map(({ handoff }) => handoff);
    const markers = await inbox.claimDeadLetters(queue.name, handoffs);
    const claimed = claims.map((claim, index) => toResult(claim, afterClaim(claim, markers[index], whenLeased)));
    return replaced(results, await publishFollowUps(claimed, batch));
  } catch (error) {
    const failed = claims.map((claim) => toResult(claim, unfinished(error)));
    return replaced(results, failed);
  }
}

function afterClaim(
  { delivery, outcome }: { readonly delivery: Delivery; readonly outcome: DeadLettered },
  marker: Marker | undefined,
  whenLeased: Outcome,
): Outcome {
  const { redrives, attempt } = delivery.envelope;
  if (!marker) return { ...outcome, givenUpAt: { redrives, attempt } };
  if (marker.state === 'leased') return whenLeased;
  const isSamePayload = marker.payloadHash === delivery.payloadHash;
  if ('attempt' in marker) return wasHandedOff(delivery, marker) ? fromFailedMarker(marker) : outcome;
  return isSamePayload ? { is: 'duplicate', events: marker.events } : deadLetter('PAYLOAD_MISMATCH');
}

async function archive(
  delivery: Delivery,
  outcome: DeadLettered,
  at: string,
  { queue, clock, archiveLetter }: Batch,
): Promise<Settled> {
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
    frames: outcome.failure?.frames.join('\n') || undefined,
    deadLetteredAt: at,
  };
  try {
    await archiveLetter(toDeadLetter(delivery, origin, clock.now()), withIdentity(delivery));
    return { outcome, isHandedOff: true };
  } catch (error) {
    return { outcome: unfinished(error) };
  }
}

function handoffOf(delivery: Delivery, outcome: Outcome, at: string, batch: Batch): Handoff[] {
  const { id, envelope, payloadHash } = delivery;
  if (!id || (outcome.is !== 'retry' && outcome.is !== 'dead-letter') || outcome.code === 'PAYLOAD_MISMATCH') return [];
  const { code, message } = outcome;
  const { redrives, attempt } = (outcome.is === 'dead-letter' && outcome.givenUpAt) || envelope;
  const state = outcome.is === 'retry' ? 'retrying' : 'dead-lettered';
  const leaseOwner = outcome.is === 'dead-letter' ? outcome.leaseOwner : undefined;
  const facts = factsOf(delivery, batch);
  const failed = outcome.is === 'retry' ? { ...facts, failedAttempts: failedAttemptsOf(delivery, outcome, at) } : facts;
  return [{ id, payloadHash, redrives, attempt, state, code, message, leaseOwner, facts: failed }];
}
