import { randomUUID } from 'node:crypto';

import { concurrently } from '../runtime/concurrently.ts';
import { isOutsideMessage } from '../runtime/errors.ts';
import { ownFramesOf, toLoggable } from '../runtime/stack.ts';
import type { Batch } from './batch.ts';
import { deadLetter, outcomeOf, parkedAs, postponed, unfinished, type Outcome } from './outcome.ts';
import type { RuleContext } from './rule.ts';
import { TimeLimitError, within } from './time-limit.ts';
import { open, type ReadyWork, type Work } from './work.ts';

/** Asks each message's rule, so many at once; a message whose turn does not come in time stays unfinished. */
export async function decideAll(works: readonly Work[], batch: Batch): Promise<void> {
  await concurrently(open(works), batch.concurrency, (work) => decideOne(work, batch));
}

async function decideOne(work: ReadyWork, batch: Batch): Promise<void> {
  const { queue, timeLimitMs, timeLeftMs } = batch;
  const { attempt } = work.delivery.envelope;
  const leftMs = timeLeftMs();
  if (leftMs <= 0) return void (work.outcome = outOfTime());
  try {
    await within(Math.min(timeLimitMs, leftMs), (limit) => {
      const { rule, event, id } = work.ready;
      const context: RuleContext = {
        id,
        attempt,
        read: batch.read,
        get signal() {
          return limit.signal;
        },
      };
      if (rule.perform)
        return performUnderLease(work, () => rule.perform(event, context), batch).then((outcome) => {
          if (!limit.isOver()) work.outcome = outcome;
        });
      const decision = requireDecision(rule.decide(event, context));
      if (!('then' in decision)) return void (work.decision = decision);
      return decision.then((late) => {
        if (!limit.isOver()) work.decision = requireDecision(late);
      });
    });
  } catch (error) {
    // The invocation's time ran out, not the message's own: that is no fault of the message.
    const starved = error instanceof TimeLimitError && leftMs < timeLimitMs;
    work.outcome = starved
      ? outOfTime()
      : isOutsideMessage(error)
        ? unfinished(error)
        : withFailure(outcomeOf(error, attempt, queue), error);
  }
}

/** With where in its rule a message failed; a rule out of time was nowhere in particular. */
const withFailure = (outcome: Outcome, error: unknown): Outcome =>
  (outcome.is === 'retry' || outcome.is === 'dead-letter') && !(error instanceof TimeLimitError)
    ? { ...outcome, failure: { error: toLoggable(error), frames: ownFramesOf(error) } }
    : outcome;

/** A rule that the compiler did not check may give nothing. */
function requireDecision<T>(given: T): T {
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`the rule gave ${given === null ? 'null' : typeof given}, not a decision`);
  return given;
}

/** What becomes of a message whose turn did not come. */
export const outOfTime = (): Outcome => ({
  is: 'unfinished',
  code: 'TIME_LIMIT',
  message: 'the invocation ran out of time before this message could be decided',
});

/** Beyond the message's time limit, so that a lease never ends while its owner may still be at work. */
const LEASE_MARGIN_MS = 5_000;

/**
 * The marker is a lease before the call and completed after it. Whoever finds it taken comes again later, without an
 * attempt spent; a lease that was lost meanwhile is retried, never skipped.
 */
async function performUnderLease(work: ReadyWork, perform: () => Promise<void>, batch: Batch): Promise<Outcome> {
  const { queue, inbox, leases, timeLimitMs } = batch;
  const { delivery, ready } = work;
  const owner = randomUUID();
  const durationMs = timeLimitMs + LEASE_MARGIN_MS;
  const { redrives, attempt } = delivery.envelope;
  const lease = { id: ready.id, payloadHash: delivery.payloadHash, redrives, attempt, owner, durationMs };
  if (!(await leases.take(queue.name, lease))) {
    const marker = (await inbox.find(queue.name, [ready.id])).get(ready.id);
    if (marker && marker.payloadHash !== delivery.payloadHash) return deadLetter('PAYLOAD_MISMATCH');
    if (marker?.state === 'completed') return { is: 'duplicate' };
    if (marker?.state === 'dead-lettered') return parkedAs(marker);
    return postponed('LEASED', delivery.envelope.attempt, queue, durationMs);
  }
  try {
    await perform();
  } catch (error) {
    await leases.release(queue.name, ready.id, owner);
    throw error;
  }
  const completed = await leases.complete(queue.name, ready.id, owner);
  return completed ? { is: 'completed' } : postponed('LEASED', delivery.envelope.attempt, queue, durationMs);
}
