import { randomUUID } from 'node:crypto';

import { describeParts, unwritableParts, withoutParts } from '../broker/encode-message.ts';
import { bareDeadLetter, deadLetterCopy, retryCopy, type DeadLetterNote } from '../broker/envelope.ts';
import type { Message } from '../broker/message.ts';
import type { WorkQueue } from '../broker/topology.ts';
import { letterOf } from '../dead-letters/letter-of.ts';
import { errorCodes, isOfMessage, type PublishError } from '../errors.ts';
import type { Placement } from '../inbox/inbox.ts';
import { deriveId, type MessageId } from '../message-id.ts';
import type { Batch } from './batch.ts';
import type { Delivery } from './delivery.ts';
import { unfinished, type Outcome } from './outcome.ts';
import type { Work } from './work.ts';

type Failed = Extract<Outcome, { is: 'retry' | 'dead-letter' }>;

/** A failed message and the copy of it that is tried next. */
interface Parcel {
  readonly work: Work;
  readonly outcome: Failed;
  readonly copy: Message;
  /** What to try where this copy cannot be placed for a reason that lies in it; without one, the archive takes the message. */
  readonly smaller?: () => Parcel;
}

/**
 * Places a copy of each failed message where it belongs, confirmed and not returned: the event source acknowledges the
 * whole batch when the function returns, so what was not placed by then would be lost. Then notes the placements, so that
 * a batch that comes again places no second copy. No message makes its batch come back for a reason of its own: where a copy
 * cannot be placed a smaller one can, and what is too large for the broker goes straight to the archive.
 */
export async function settleAll(works: readonly Work[], batch: Batch): Promise<void> {
  const { queue, publisher, inbox, clock, publishDeadlineMs, warn } = batch;
  const failed = works.flatMap((work) => (isFailed(work.outcome) ? [{ work, outcome: work.outcome }] : []));
  if (failed.length === 0) return;
  const at = new Date(clock.now()).toISOString();
  const placements: Placement[] = [];
  const end = (work: Work, outcome: Failed) => {
    work.outcome = outcome;
    placements.push(...placementOf(work.delivery, outcome));
  };
  let parcels = failed.map(({ work, outcome }) => parcelOf(work, outcome, queue, at));
  while (parcels.length > 0) {
    const copies = parcels.map(({ copy }) => copy);
    const errors = await publisher.publishAll(copies, publishDeadlineMs());
    const smaller: Parcel[] = [];
    for (const [index, parcel] of parcels.entries()) {
      const error = errors[index];
      const { work, outcome } = parcel;
      if (!error) end(work, outcome);
      else if (!isOfMessage(error)) work.outcome = unfinished(error);
      else if (error.code !== 'TOO_LARGE' && parcel.smaller) smaller.push(parcel.smaller());
      else await archive(work, asDeadLetter(outcome, error), at, batch, end);
    }
    parcels = smaller;
  }
  // Without the note a batch that comes again may place a second copy, which is harmless: a duplicate, and known as one.
  await inbox.recordPlacements(queue.name, placements).catch((error: unknown) => warn('placements not noted', error));
}

/** The whole copy: a message that would have to be changed for its retry becomes a dead letter instead. */
function parcelOf(work: Work, outcome: Failed, queue: WorkQueue, at: string): Parcel {
  if (outcome.is === 'dead-letter') return letterParcel(work, outcome, queue, at);
  const { delivery } = work;
  const copy = retryCopy(delivery, delivery.queue, outcome.tier.exchange, outcome.nextAttempt);
  const park = (why: string) =>
    letterParcel(work, asDeadLetter(outcome, { code: 'UNWRITABLE', message: why }), queue, at);
  const parts = unwritableParts(copy);
  return parts.length > 0
    ? park(`a copy cannot carry ${describeParts(parts)}`)
    : { work, outcome, copy, smaller: () => park('the broker refuses its copy') };
}

/** Frames that dead letters are fitted into where they do not fit whole: with room for the note, and as small as any broker's. */
const FITTED_BYTES = 120_000;
const SMALL_BYTES = 8_192;

/** A dead letter with all that can be written; then with what fits into a small frame; then with id, body and reason alone. */
function letterParcel(work: Work, outcome: Failed, queue: WorkQueue, at: string): Parcel {
  const { delivery } = work;
  const { deadLetterExchange: exchange } = queue;
  const { leftOut } = delivery.envelope;
  const note: DeadLetterNote = {
    id: deadLetterId(delivery, queue, outcome.code),
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
  outcome: Failed,
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
    id: deadLetterId(delivery, queue, code),
    queue: queue.name,
    shard,
    code,
    reason,
    frames: outcome.failure?.frames.join('\n') || undefined,
    deadLetteredAt: at,
  };
  try {
    await archiveLetter(letterOf(delivery, origin, clock.now()), delivery);
    end(work, outcome);
  } catch (error) {
    work.outcome = unfinished(error);
  }
}

/** A message that cannot be retried becomes a dead letter that says so. */
const asDeadLetter = (outcome: Failed, { code, message }: Pick<PublishError, 'code' | 'message'>): Failed =>
  outcome.is === 'dead-letter'
    ? { ...outcome, message: `${outcome.code}: ${outcome.message}; archived past the broker, since ${message}` }
    : {
        is: 'dead-letter',
        code,
        failure: outcome.failure,
        message: `not retried: ${message}; it failed with ${outcome.code}: ${outcome.message}`,
      };

const isFailed = (outcome: Outcome | undefined): outcome is Failed =>
  outcome?.is === 'retry' || outcome?.is === 'dead-letter';

/** Copies of the same dead letter have one id. A message without an id of its own gets a fresh one: equal bodies are not one message. */
const deadLetterId = ({ id, envelope, payloadHash }: Delivery, queue: WorkQueue, code: string): MessageId =>
  id
    ? deriveId('dead-letter', queue.name, id, payloadHash, code, String(envelope.redrives), String(envelope.attempt))
    : (randomUUID() as MessageId);

/** A postponed message keeps its attempt, and another one's marker is not touched for a payload that is not its own. */
function placementOf({ id, envelope, payloadHash }: Delivery, outcome: Failed): Placement[] {
  if (!id || outcome.code === 'PAYLOAD_MISMATCH') return [];
  if (outcome.is === 'retry' && outcome.nextAttempt === envelope.attempt) return [];
  const { code, message } = outcome;
  const state = outcome.is === 'retry' ? 'retrying' : 'dead-lettered';
  return [{ id, payloadHash, redrives: envelope.redrives, attempt: envelope.attempt, state, code, message }];
}
