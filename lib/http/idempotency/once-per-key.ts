import { describeError } from '../../runtime/errors.ts';
import { log } from '../../runtime/log.ts';
import { count } from '../../runtime/metrics.ts';
import { guarded, refuseWhileAway } from '../breaker.ts';
import { claimKey, giveUpKey, markAccepted, type Intake } from './intake-record.ts';
import { Problem } from '../problem.ts';
import type { Request } from '../request.ts';

/**
 * Publishes for an idempotency key: at once for a new one, not again for one whose publish was confirmed, and again for
 * one whose publish nobody saw confirmed, which is harmless under the same message id. A key that came with another
 * payload before, or whose first request is under way, is a problem. Where the store is away it publishes all the same;
 * the consumers know a duplicate.
 */
export async function oncePerKey(
  { surehop, client, body: payload }: Pick<Request, 'surehop' | 'client' | 'body'>,
  record: Pick<Intake, 'table' | 'key'>,
  publish: () => Promise<void>,
): Promise<void> {
  const intake = { surehop, client, payload, ...record };
  refuseWhileAway(surehop, 'broker');
  const claim = await withoutStore(claimKey(intake));
  if (claim === 'accepted') return;
  try {
    await guarded(surehop, 'broker', publish);
  } catch (error) {
    if (claim === 'claimed') await withoutStore(giveUpKey(intake));
    throw error;
  }
  if (claim === 'claimed') await withoutStore(markAccepted(intake));
}

/** The record is an aid, and intake goes on without it. */
async function withoutStore<T>(step: Promise<T>): Promise<T | undefined> {
  try {
    return await step;
  } catch (error) {
    if (error instanceof Problem) throw error;
    count('IntakeRecordUnavailable');
    log().warn('intake goes on without its record', { because: describeError(error) });
    return undefined;
  }
}
