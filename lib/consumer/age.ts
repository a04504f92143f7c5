import type { Batch } from './batch.ts';
import type { Delivery } from './delivery.ts';

/**
 * Whether a message is older than its consumer accepts. The age counts from the last redrive, or else from the
 * publication. A message without either time is never too old.
 */
export function isTooOld({ envelope, properties }: Delivery, { maxAgeMs, clock }: Batch): boolean {
  if (maxAgeMs === undefined) return false;
  const writtenMs = Date.parse(envelope.redrivenAt ?? envelope.publishedAt ?? '');
  const { timestamp } = properties;
  const startMs = Number.isNaN(writtenMs) && typeof timestamp === 'number' ? timestamp * 1_000 : writtenMs;
  return clock.now() - startMs > maxAgeMs;
}
