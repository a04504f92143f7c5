import type { Surehop } from '../../runtime/surehop.ts';
import { storeSettings } from '../../dynamodb/settings.ts';
import { inboxSettings } from '../../inbox/settings.ts';
import { brokerSettings } from '../../rabbitmq/settings.ts';
import { isInstance } from '../../runtime/errors.ts';
import { log } from '../../runtime/log.ts';
import { recordMetrics } from '../../runtime/metrics.ts';
import { errorFields } from '../../runtime/stack.ts';
import { guarded, refuseIfOpen } from '../breaker.ts';
import { claimKey, releaseKey, markAccepted, type Intake } from './intake-record.ts';
import { Problem } from '../problem.ts';
import type { Request } from '../request.ts';

/**
 * Calls `publish`, unless the broker has already confirmed the message of an earlier request with the same idempotency
 * key. Throws a `Problem` if the key was used with another payload, or if another request with the key is in progress.
 */
export type OncePerKey = (
  request: Pick<Request, 'client' | 'body'>,
  record: Pick<Intake, 'table' | 'key'>,
  publish: () => Promise<void>,
) => Promise<void>;

/**
 * Creates the function that publishes one message per idempotency key, even if clients repeat their requests. Throws a
 * `SettingsError` if a setting is wrong or missing.
 */
export function createOncePerKey(surehop: Surehop): OncePerKey {
  surehop.settings(storeSettings);
  surehop.settings(inboxSettings);
  surehop.settings(brokerSettings);
  return async ({ client, body: payload }, record, publish) => {
    const intake = { surehop, client, payload, ...record };
    refuseIfOpen(surehop, 'broker');
    // While DynamoDB is unavailable, the message may be published twice with the same id. Consumers skip the duplicate.
    const claim = await unlessUnavailable(claimKey(intake));
    if (claim === 'accepted') return;
    try {
      await guarded(surehop, 'broker', publish);
    } catch (error) {
      if (claim === 'claimed') await unlessUnavailable(releaseKey(intake));
      throw error;
    }
    if (claim === 'claimed') await unlessUnavailable(markAccepted(intake));
  };
}

async function unlessUnavailable<T>(step: Promise<T>): Promise<T | undefined> {
  try {
    return await step;
  } catch (error) {
    if (isInstance(error, Problem)) throw error;
    recordMetrics({ IntakeRecordUnavailable: 1 });
    log().warn('idempotency record unavailable; the request continues without it', errorFields(error));
    return undefined;
  }
}
