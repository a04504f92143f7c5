import { randomUUID } from 'node:crypto';

import { describeParts, unwritableParts, withoutParts } from '../rabbitmq/encode-message.ts';
import { bareDeadLetter, deadLetterCopy, retryCopy } from '../events/copies.ts';
import type { DeadLetterNote } from '../events/envelope.ts';
import type { Message } from '../events/message.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import { toDeadLetter } from '../dead-letters/dead-letter.ts';
import { errorCodes, isOfMessage, type PublishError } from '../runtime/errors.ts';
import type { Marker, Handoff } from '../inbox/inbox.ts';
import { deriveId, type MessageId } from '../events/message-id.ts';
import type { Batch } from './batch.ts';
import type { Delivery } from './delivery.ts';
import { isPlaced } from './drop-known.ts';
import { emitAll } from './emit.ts';
import { deadLetter, parkedAs, postponed, unfinished, type Outcome } from './outcome.ts';
import type { Work } from './work.ts';

type Failed = Extract<Outcome, { is: 'retry' | 'dead-letter' }>;
type DeadLettered = Extract<Outcome, { is: 'dead-letter' }>;

/** A failed message and the copy of it that is tried next. */
interface Parcel {
  readonly work: Work;
  readonly outcome: Failed;
  readonly copy: Message;
  /** What to try where a dead letter cannot be placed for a reason that lies in it; without one, the archive takes the message. */
  readonly smaller?: () => Parcel;
}

/** Places the failed messages; what is postponed has its turn at the end of the batch. */
export const settleFailed = (works: readonly Work[], batch: Batch): Promise<void> =>
  placeAll(
    works.filter((work) => !isPostponed(work)),
    batch,
  );

/**
 * Places the messages that are postponed, unless the batch comes back: then they come with it, and no copy of them is left in
 * a retry tier each time.
 */
export async function placePostponed(works: readonly Work[], batch: Batch): Promise<void> {
  const waiting = works.filter(isPostponed);
  if (works.some(({ outcome }) => outcome?.is === 'unfinished'))
    for (const work of waiting) {
      const { code, message } = work.outcome as Failed;
      work.outcome = { is: 'unfinished', code, message };
    }
  else await placeAll(waiting, batch);
}

/**
 * Places a copy of each failed message where it belongs, confirmed and not returned: the event source acknowledges the
 * whole batch when the function returns, so what was not placed by then would be lost. Then notes the placements, so that
 * a batch that comes again places no second copy. No message makes its batch come back for a reason of its own: where a copy
 * cannot be placed a smaller one can, and what is too large for the broker goes straight to the archive.
 */
export async function placeAll(works: readonly Work[], batch: Batch): Promise<void> {
  const { queue, publisher, inbox, clock, publishDeadlineMs, warn } = batch;
  if (!works.some(({ outcome }) => isFailed(outcome))) return;
  const at = new Date(clock.now()).toISOString();
  const placements: Handoff[] = [];
  const end = (work: Work, outcome: Failed) => {
    work.outcome = outcome;
    placements.push(...placementOf(work.delivery, outcome));
  };
  for (const work of works) refuseUnwritable(work);
  await claimDead(works, batch);
  const parcelsOf = (some: readonly Work[]) =>
    some.flatMap((work) => (isFailed(work.outcome) ? [parcelOf(work, work.outcome, queue, at)] : []));
  let parcels = parcelsOf(works);
  while (parcels.length > 0) {
    const copies = parcels.map(({ copy }) => copy);
    const errors = await publisher.publishAll(copies, publishDeadlineMs());
    const smaller: Parcel[] = [];
    for (const [index, parcel] of parcels.entries()) {
      const error = errors[index];
      const { work, outcome } = parcel;
      if (!error) end(work, outcome);
      else if (!isOfMessage(error)) work.outcome = unfinished(error);
      else if (outcome.is === 'retry') {
        const isTooLarge = error.code === 'TOO_LARGE';
        const refused = { code: 'UNWRITABLE', message: 'the broker refuses its copy' };
        work.outcome = asDeadLetter(outcome, isTooLarge ? error : refused);
        await claimDead([work], batch);
        if (work.outcome.is !== 'dead-letter') continue;
        if (isTooLarge) await archive(work, work.outcome, at, batch, end);
        else smaller.push(letterParcel(work, work.outcome, queue, at));
      } else if (error.code !== 'TOO_LARGE' && parcel.smaller) smaller.push(parcel.smaller());
      else await archive(work, asDeadLetter(outcome, error), at, batch, end);
    }
    parcels = smaller;
  }
  if (placements.length === 0) return;
  // Without the note a batch that comes again may place a second copy, which is harmless: a duplicate, and known as one.
  await inbox.recordHandoffs(queue.name, placements).catch((error: unknown) => warn('placements not noted', error));
}

/** A message that would have to be changed for its retry becomes a dead letter instead. */
function refuseUnwritable(work: Work): void {
  const { outcome, delivery } = work;
  if (outcome?.is !== 'retry') return;
  const parts = unwritableParts(retryCopyOf(delivery, outcome));
  const message = `a copy cannot carry ${describeParts(parts)}`;
  if (parts.length > 0) work.outcome = asDeadLetter(outcome, { code: 'UNWRITABLE', message });
}

const retryCopyOf = (delivery: Delivery, { tier, nextAttempt }: Extract<Failed, { is: 'retry' }>): Message =>
  retryCopy(delivery, delivery.queue, tier.name, nextAttempt);

/** The whole copy. */
const parcelOf = (work: Work, outcome: Failed, queue: WorkQueue, at: string): Parcel =>
  outcome.is === 'retry'
    ? { work, outcome, copy: retryCopyOf(work.delivery, outcome) }
    : letterParcel(work, outcome, queue, at);

/**
 * Settles in the store, before any is published, which messages become dead letters: another environment may have a copy of
 * the same message, and it must not complete what was given up on, nor give up on what is complete. A crash between this and
 * the publish is harmless: the message comes again, and its marker says that the dead letter is still to be published.
 */
async function claimDead(works: readonly Work[], batch: Batch): Promise<void> {
  const { queue, inbox } = batch;
  // What cannot be read is a dead letter in every environment.
  const dead = works.flatMap((work) => {
    const { ready, outcome, delivery } = work;
    if (!ready || outcome?.is !== 'dead-letter' || outcome.givenUpAt) return [];
    return placementOf(delivery, outcome).map((placement) => ({ work, placement }));
  });
  if (dead.length === 0) return;
  try {
    const placements = dead.map(({ placement }) => placement);
    const markers = await inbox.claimDeadLetters(queue.name, placements);
    for (const [index, { work }] of dead.entries()) applyClaim(work, markers[index], batch);
    await emitAll(
      dead.map(({ work }) => work),
      batch,
    );
  } catch (error) {
    for (const { work } of dead) work.outcome = unfinished(error);
  }
}

/** `marker` is what stood in the way of the claim. */
function applyClaim(work: Work, marker: Marker | undefined, { queue }: Batch): void {
  if (!marker) return;
  const { delivery } = work;
  if (marker.state === 'leased') work.outcome = postponed('LEASED', delivery.envelope.attempt, queue, 0);
  else if (marker.payloadHash !== delivery.payloadHash) {
    if (!('attempt' in marker)) work.outcome = deadLetter('PAYLOAD_MISMATCH');
  } else if (!('attempt' in marker)) [work.outcome, work.events] = [{ is: 'duplicate' }, marker.events];
  else if (isPlaced(delivery, marker)) work.outcome = parkedAs(marker);
}

/** Frames that dead letters are fitted into where they do not fit whole: with room for the note, and as small as any broker's. */
const FITTED_BYTES = 120_000;
const SMALL_BYTES = 8_192;

/** A dead letter with all that can be written; then with what fits into a small frame; then with id, body and reason alone. */
function letterParcel(work: Work, outcome: DeadLettered, queue: WorkQueue, at: string): Parcel {
  const { delivery } = work;
  const { deadLetterExchange: exchange } = queue;
  const { leftOut } = delivery.envelope;
  const note: DeadLetterNote = {
    id: deadLetterId(delivery, queue, outcome),
    code: outcome.code,
    reason: outcome.message,
    frames: outcome.failure?.frames,
    queue: delivery.queue,
    at,
  };
  const whole = deadLetterCopy(delivery, exchange, note, leftOut);
  const fitted = (frameBytes: number): Message => {
    const parts = unwritableParts(whole, frameBytes);
    const notes = [leftOut, describeParts(parts)].filter(Boolean).join(', ');
    return deadLetterCopy(withoutParts(delivery, parts), exchange, note, notes);
  };
  const bare = () => bareDeadLetter(delivery, exchange, note, 'all headers and properties, which the broker refuses');
  const smallest = (): Parcel => ({ work, outcome, copy: bare() });
  const small = (): Parcel => ({ work, outcome, copy: fitted(SMALL_BYTES), smaller: smallest });
  const copy = unwritableParts(whole).length > 0 ? fitted(FITTED_BYTES) : whole;
  return { work, outcome, copy, smaller: small };
}

/** Keeps what the broker does not take past the broker. */
async function archive(
  work: Work,
  outcome: DeadLettered,
  at: string,
  { queue, clock, archiveLetter }: Batch,
  end: (work: Work, outcome: Failed) => void,
): Promise<void> {
  const { delivery } = work;
  const shard = delivery.queue === queue.name ? undefined : delivery.queue;
  const { message: reason } = outcome;
  // A rule's own code is noted for the filters of the list by the archive's function only.
  const code = outcome.code in errorCodes ? outcome.code : 'TOO_LARGE';
  const origin = {
    id: deadLetterId(delivery, queue, { ...outcome, code }),
    queue: queue.name,
    shard,
    code,
    reason,
    frames: outcome.failure?.frames.join('\n') || undefined,
    deadLetteredAt: at,
  };
  try {
    await archiveLetter(toDeadLetter(delivery, origin, clock.now()), delivery);
    end(work, outcome);
  } catch (error) {
    work.outcome = unfinished(error);
  }
}

/** A message that cannot be retried becomes a dead letter that says so. */
const asDeadLetter = (outcome: Failed, { code, message }: Pick<PublishError, 'code' | 'message'>): DeadLettered =>
  outcome.is === 'dead-letter'
    ? { ...outcome, message: `${outcome.code}: ${outcome.message}; archived past the broker, since ${message}` }
    : {
        is: 'dead-letter',
        code,
        failure: outcome.failure,
        message: `not retried: ${message}; it failed with ${outcome.code}: ${outcome.message}`,
      };

/** Waits without an attempt spent. */
const isPostponed = ({ outcome, delivery }: Work): boolean =>
  outcome?.is === 'retry' && outcome.nextAttempt === delivery.envelope.attempt;

const isFailed = (outcome: Outcome | undefined): outcome is Failed =>
  outcome?.is === 'retry' || outcome?.is === 'dead-letter';

/** Copies of the same dead letter have one id. A message without an id of its own gets a fresh one: equal bodies are not one message. */
function deadLetterId({ id, envelope, payloadHash }: Delivery, queue: WorkQueue, outcome: DeadLettered): MessageId {
  if (!id) return randomUUID() as MessageId;
  const { redrives, attempt } = outcome.givenUpAt ?? envelope;
  return deriveId('dead-letter', queue.name, id, payloadHash, outcome.code, String(redrives), String(attempt));
}

/** A postponed message keeps its attempt, and another one's marker is not touched for a payload that is not its own. */
function placementOf({ id, envelope, payloadHash }: Delivery, outcome: Failed): Handoff[] {
  if (!id || outcome.code === 'PAYLOAD_MISMATCH') return [];
  if (outcome.is === 'retry' && outcome.nextAttempt === envelope.attempt) return [];
  const { code, message } = outcome;
  const state = outcome.is === 'retry' ? 'retrying' : 'dead-lettered';
  const { redrives, attempt } = (outcome.is === 'dead-letter' && outcome.givenUpAt) || envelope;
  return [{ id, payloadHash, redrives, attempt, state, code, message }];
}
