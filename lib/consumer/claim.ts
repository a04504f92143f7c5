import type { ClaimResult } from '../inbox/inbox.ts';
import type { Delivery } from '../message/delivery.ts';
import { toResult, type Result } from '../message/message.ts';
import {
  deadLetter,
  duplicate,
  fromFailedMarker,
  unfinished,
  unfinishedAs,
  type DeadLettered,
} from '../message/outcome.ts';
import type { Batch } from './batch.ts';
import { handoffOf } from './copies.ts';
import { wasHandedOff } from './dedupe.ts';

/** A message that cannot become a dead letter now, because another Lambda execution environment has a lease on it. */
export interface Leased {
  readonly is: 'leased';
  readonly delivery: Delivery;
}

const DELETED = 'the inbox marker of the message was deleted while its dead letter was being recorded';

interface Claim {
  readonly delivery: Delivery;
  readonly outcome: DeadLettered;
}

/**
 * Records in the inbox which messages become dead letters, before any dead letter is published. After a crash, these
 * messages are not processed again. If a message was already completed, the caller must publish its follow-up events.
 */
export async function claimBeforePublish(results: readonly Result[], batch: Batch): Promise<(Result | Leased)[]> {
  const at = new Date(batch.clock.now()).toISOString();
  const claims = results.flatMap(({ delivery, outcome }) => {
    const isOpen = outcome.is === 'dead-letter' && outcome.origin === 'failed';
    return isOpen ? handoffOf(delivery, outcome, at, batch).map((handoff) => ({ delivery, outcome, handoff })) : [];
  });
  if (claims.length === 0) return [...results];
  const claimed = new Map<Delivery, Result | Leased>();
  try {
    const handoffs = claims.map(({ handoff }) => handoff);
    const results = await batch.inbox.claimDeadLetters(batch.queue.name, handoffs);
    for (const [index, claim] of claims.entries()) claimed.set(claim.delivery, afterClaim(claim, results[index]!));
  } catch (error) {
    for (const claim of claims) claimed.set(claim.delivery, toResult(claim, unfinished(error)));
  }
  return results.map((result) => claimed.get(result.delivery) ?? result);
}

function afterClaim({ delivery, outcome }: Claim, result: ClaimResult): Result | Leased {
  const { redrives, attempt } = delivery.envelope;
  if (result.is === 'claimed')
    return toResult({ delivery }, { ...outcome, origin: 'claimed', at: { redrives, attempt } });
  // A redelivery of the message can record the dead letter, because the inbox marker that prevented it no longer exists.
  if (result.is === 'gone') return toResult({ delivery }, unfinishedAs('CONFLICT', DELETED));
  const { marker } = result;
  if (marker.state === 'leased') return { is: 'leased', delivery };
  // The dead letter is published although the inbox cannot record it. If the process then crashes, the redelivery of the
  // message publishes the dead letter again, with the same id.
  if (marker.state === 'unreadable') return toResult({ delivery }, outcome);
  if ('attempt' in marker)
    return toResult({ delivery }, wasHandedOff(delivery, marker) ? fromFailedMarker(marker) : outcome);
  const isDuplicate = marker.payloadHash === delivery.payloadHash;
  return toResult({ delivery }, isDuplicate ? duplicate(marker.events) : deadLetter('PAYLOAD_MISMATCH'));
}
