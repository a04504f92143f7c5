import { lastSentTimeOf } from '../events/publish-time.ts';
import type { Batch } from './batch.ts';
import type { Delivery } from '../message/delivery.ts';

/**
 * Whether a message is older than the `maxAge` of its consumer. The age counts from the last redrive, or else from the
 * publication. `maxAge` does not apply to a message without a publish time.
 */
export function isTooOld(delivery: Delivery, { maxAgeMs, clock }: Batch): boolean {
  if (maxAgeMs === undefined) return false;
  const sentAtMs = lastSentTimeOf(delivery);
  return sentAtMs !== undefined && clock.now() - sentAtMs > maxAgeMs;
}
