import type { Decision } from '../inbox/decision.ts';
import type { Batch } from './batch.ts';
import type { Candidate } from './message.ts';
import { deadLetter, fromFailedMarker, postponed, type Outcome } from './outcome.ts';

/**
 * How much longer a lease lasts than a business rule may run, in ms. Because of this margin, a lease does not expire
 * while its owner is still working.
 */
const LEASE_MARGIN_MS = 5_000;

/**
 * Runs a `perform` function while `owner` holds a lease on the message, and commits the function's decision with
 * `commit`. The message is postponed if another Lambda execution environment holds the lease.
 */
export async function performUnderLease(
  { delivery, id }: Candidate,
  owner: string,
  {
    perform,
    commit,
  }: { readonly perform: () => Promise<Decision>; readonly commit: (decision: Decision) => Promise<Outcome> },
  { queue, leases, timeLimitMs, warn, inbox, clock }: Batch,
): Promise<Outcome> {
  const durationMs = timeLimitMs + LEASE_MARGIN_MS;
  const { payloadHash, envelope } = delivery;
  const { redrives, attempt } = envelope;
  if (!(await leases.take(queue.name, { id, payloadHash, redrives, attempt, owner, durationMs }))) {
    const marker = (await inbox.find(queue.name, [id])).get(id);
    if (marker && marker.payloadHash !== payloadHash) return deadLetter('PAYLOAD_MISMATCH');
    if (marker?.state === 'completed' || marker?.state === 'rejected')
      return { is: 'duplicate', events: marker.events };
    if (marker?.state === 'dead-lettered') return fromFailedMarker(marker);
    return postponed('LEASED', queue, marker?.state === 'leased' ? marker.leaseExpiresAtMs - clock.now() : 0);
  }
  // If the lease cannot be released, a retry of the message has to wait until the lease expires.
  const release = () =>
    leases.release(queue.name, id, owner).catch((failure: unknown) => warn('releasing a lease failed', failure));
  let outcome: Outcome;
  try {
    outcome = await commit(await perform());
  } catch (error) {
    await release();
    throw error;
  }
  if (outcome.is === 'retry' || outcome.is === 'dead-letter') await release();
  return outcome;
}
