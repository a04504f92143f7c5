import { describeError } from '../../runtime/errors.ts';
import { log } from '../../runtime/log.ts';
import { count } from '../../runtime/metrics.ts';
import { guarded, refuseIfOpen } from '../breaker.ts';
import { claimKey, releaseKey, markAccepted, type Intake } from './intake-record.ts';
import { Problem } from '../problem.ts';
import type { Request } from '../request.ts';

/**
 * Publishes unless an earlier request with this idempotency key was confirmed. If the confirm of an earlier request is unknown,
 * it publishes again with the same message id, and the consumers drop the duplicate. Throws a problem if the key was used with
 * another payload, or if a request with this key is in progress. While DynamoDB is unavailable, publishes without a record.
 */
export async function oncePerKey(
  { surehop, client, body: payload }: Pick<Request, 'surehop' | 'client' | 'body'>,
  record: Pick<Intake, 'table' | 'key'>,
  publish: () => Promise<void>,
): Promise<void> {
  const intake = { surehop, client, payload, ...record };
  refuseIfOpen(surehop, 'broker');
  const claim = await unlessUnavailable(claimKey(intake));
  if (claim === 'accepted') return;
  try {
    await guarded(surehop, 'broker', publish);
  } catch (error) {
    if (claim === 'claimed') await unlessUnavailable(releaseKey(intake));
    throw error;
  }
  if (claim === 'claimed') await unlessUnavailable(markAccepted(intake));
}

/** Continues if the record is unavailable, because consumers deduplicate messages anyway. */
async function unlessUnavailable<T>(step: Promise<T>): Promise<T | undefined> {
  try {
    return await step;
  } catch (error) {
    if (error instanceof Problem) throw error;
    count('IntakeRecordUnavailable');
    log().warn('idempotency record unavailable; continuing', { error: describeError(error) });
    return undefined;
  }
}
