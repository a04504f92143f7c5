import type { Decision } from '../inbox/decision.ts';
import type { ValidMessage } from '../message/message.ts';
import {
  deadLetter,
  duplicate,
  fromError,
  fromFailedMarker,
  outOfTime,
  postponed,
  type Outcome,
} from '../message/outcome.ts';
import { isInstance } from '../runtime/errors.ts';
import type { Batch } from './batch.ts';
import { TimeLimitError, withTimeLimit, type TimeLimit } from './time-limit.ts';

/**
 * A lease lasts this much longer, in ms, than the time limit of the business rule. The lease of a `perform` function
 * that ignores its signal may nevertheless expire while the function is still running.
 */
const LEASE_MARGIN_MS = 5_000;

interface Steps {
  readonly perform: (limit: TimeLimit) => Promise<Decision>;
  readonly commit: (decision: Decision) => Promise<Outcome>;
}

/**
 * Runs a `perform` function while `owner` holds a lease on the message, and commits the function's decision with
 * `commit`. The message is postponed if another Lambda execution environment holds the lease. Only the `perform`
 * function is subject to the time limit of the message.
 */
export async function performUnderLease(
  { delivery, id }: ValidMessage,
  owner: string,
  { perform, commit }: Steps,
  batch: Batch,
): Promise<Outcome> {
  const { queue, leases, timeLimitMs, timeLeftMs, warn, inbox, clock } = batch;
  const durationMs = timeLimitMs + LEASE_MARGIN_MS;
  const { payloadHash, envelope } = delivery;
  const { redrives, attempt } = envelope;
  if (!(await leases.take(queue.name, { id, payloadHash, redrives, attempt, owner, durationMs }))) {
    const marker = (await inbox.find(queue.name, [id])).get(id);
    // Postponing this message would never end, because an unreadable inbox marker refuses every lease.
    if (marker?.state === 'unreadable') return fromError(marker.error, attempt, batch);
    if (marker && marker.payloadHash !== payloadHash) return deadLetter('PAYLOAD_MISMATCH');
    if (marker?.state === 'completed' || marker?.state === 'rejected') return duplicate(marker.events);
    if (marker?.state === 'dead-lettered') return fromFailedMarker(marker);
    return postponed('LEASED', queue, marker?.state === 'leased' ? marker.leaseExpiresAtMs - clock.now() : 0);
  }
  // If the lease cannot be released, a retry of the message has to wait until the lease expires.
  const release = () =>
    leases.release(queue.name, id, owner).catch((failure: unknown) => warn('releasing a lease failed', failure));
  const limitMs = Math.min(timeLimitMs, timeLeftMs());
  if (limitMs <= 0) {
    await release();
    return outOfTime();
  }
  let performing: Promise<Decision>;
  const commitPerformed = async () => {
    let outcome: Outcome;
    try {
      outcome = await commit(await performing);
    } catch (error) {
      await release();
      throw error;
    }
    if (outcome.is === 'retry' || outcome.is === 'dead-letter') await release();
    return outcome;
  };
  try {
    await withTimeLimit(limitMs, (limit) => (performing = perform(limit)));
  } catch (error) {
    if (isInstance(error, TimeLimitError)) {
      // The function may still be running, and therefore keeps its lease until it ends.
      commitPerformed().catch(() => {});
      throw error;
    }
  }
  return commitPerformed();
}
