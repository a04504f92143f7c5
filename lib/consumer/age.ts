import type { Batch } from './batch.ts';
import type { Delivery } from './delivery.ts';

/**
 * Whether a message is older than the maximum age that its consumer accepts. The age of a message starts at its last
 * redrive, or else when it was published. A message that has neither of these times has no age and is never too old.
 */
export function isTooOld({ envelope, properties }: Delivery, { maxAgeMs, clock }: Batch): boolean {
  if (maxAgeMs === undefined) return false;
  const writtenMs = Date.parse(envelope.redrivenAt ?? envelope.publishedAt ?? '');
  const { timestamp } = properties;
  const startMs = Number.isNaN(writtenMs) && typeof timestamp === 'number' ? timestamp * 1_000 : writtenMs;
  return clock.now() - startMs > maxAgeMs;
}
