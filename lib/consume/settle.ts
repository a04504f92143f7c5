import { randomUUID } from 'node:crypto';

import { deadLetterCopy, retryCopy } from '../broker/envelope.ts';
import type { Message } from '../broker/message.ts';
import type { Publisher } from '../broker/publisher.ts';
import type { WorkQueue } from '../broker/topology.ts';
import { trimHeaders } from '../broker/trim-headers.ts';
import type { PublishError } from '../errors.ts';
import type { Placement } from '../inbox/inbox.ts';
import { deriveId, type MessageId } from '../message-id.ts';
import type { Batch } from './batch.ts';
import type { Delivery } from './delivery.ts';
import { unfinished, type Outcome } from './outcome.ts';
import type { Work } from './work.ts';

type Failed = Extract<Outcome, { is: 'retry' | 'dead-letter' }>;

/**
 * Places a copy of each failed message where it belongs, confirmed and not returned: the event source acknowledges the
 * whole batch when the function returns, so what was not placed by then would be lost. Then notes the placements, so that
 * a batch that comes again places no second copy.
 */
export async function settleAll(works: readonly Work[], batch: Batch): Promise<void> {
  const { queue, publisher, inbox, clock, publishDeadlineMs, warn } = batch;
  const failed = works.flatMap((work) => (isFailed(work.outcome) ? [{ work, outcome: work.outcome }] : []));
  if (failed.length === 0) return;
  const at = new Date(clock.now()).toISOString();
  const copies = failed.map(({ work, outcome }) => copyOf(work.delivery, outcome, queue, at));
  const errors = await publishTrimmed(copies, publisher, publishDeadlineMs);
  const placements: Placement[] = [];
  failed.forEach(({ work, outcome }, index) => {
    if (errors[index]) work.outcome = unfinished(errors[index]);
    else placements.push(...placementOf(work.delivery, outcome));
  });
  // Without the note a batch that comes again may place a second copy, which is harmless: a duplicate, and known as one.
  await inbox.recordPlacements(queue.name, placements).catch((error: unknown) => warn('placements not noted', error));
}

/** What is too large is tried once more, without its largest headers: better than nowhere. */
async function publishTrimmed(
  copies: readonly Message[],
  publisher: Publisher,
  deadlineMs: () => number,
): Promise<(PublishError | undefined)[]> {
  const errors = await publisher.publishAll(copies, deadlineMs());
  const tooLarge = copies.flatMap((copy, index) => (errors[index]?.code === 'TOO_LARGE' ? [{ copy, index }] : []));
  if (tooLarge.length === 0) return errors;
  const trimmed = tooLarge.map(({ copy }) => trimHeaders(copy));
  const again = await publisher.publishAll(trimmed, deadlineMs());
  tooLarge.forEach(({ index }, place) => (errors[index] = again[place]));
  return errors;
}

const isFailed = (outcome: Outcome | undefined): outcome is Failed =>
  outcome?.is === 'retry' || outcome?.is === 'dead-letter';

const copyOf = (delivery: Delivery, outcome: Failed, queue: WorkQueue, at: string): Message =>
  outcome.is === 'retry'
    ? retryCopy(delivery, delivery.queue, outcome.tier.exchange, outcome.nextAttempt)
    : deadLetterCopy(delivery, queue.deadLetterExchange, {
        id: deadLetterId(delivery, queue, outcome.code),
        code: outcome.code,
        reason: outcome.message,
        queue: delivery.queue,
        at,
      });

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
