import { describeError } from '../../runtime/errors.ts';
import { SettingsError } from '../../runtime/settings.ts';
import { log } from '../../runtime/log.ts';
import { count } from '../../runtime/metrics.ts';
import { guarded, refuseIfOpen } from '../breaker.ts';
import { claimKey, releaseKey, markAccepted, type Intake } from './intake-record.ts';
import { Problem } from '../problem.ts';
import type { Request } from '../request.ts';

/**
 * Calls `publish`, unless an earlier request with the same idempotency key was already confirmed by the broker. If the
 * result of the earlier request is unknown, the message is published again with the same id, and the consumers skip the
 * duplicate. Throws a problem if the key was used with another payload, or if a request with the key is in progress. While
 * DynamoDB is unavailable, the message is published without a record of the key.
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

/**
 * Waits for an access to the record of the key, and returns `undefined` if DynamoDB is unavailable. The request can
 * continue without the record, because consumers skip duplicates anyway.
 */
async function unlessUnavailable<T>(step: Promise<T>): Promise<T | undefined> {
  try {
    return await step;
  } catch (error) {
    if (error instanceof Problem || error instanceof SettingsError) throw error;
    count('IntakeRecordUnavailable');
    log().warn('idempotency record unavailable; continuing', { error: describeError(error) });
    return undefined;
  }
}
