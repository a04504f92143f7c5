import { setTimeout as sleep } from 'node:timers/promises';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { readAnswer, toStoreError } from './reply.ts';

/** How long the inbox keeps trying. */
export interface RetryPolicy {
  /** Times that one request is sent before the store counts as away. */
  readonly attempts: number;
  /** Times that a transaction may meet others on the same items. */
  readonly conflicts: number;
  /** The first pause is up to this long, each further one up to twice as long. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

export const defaultRetryPolicy: RetryPolicy = { attempts: 4, conflicts: 10, firstDelayMs: 25, maxDelayMs: 1_000 };

/** Waits before repetition `n` (from 1), with full jitter; an abort ends the wait. */
export async function backOff(n: number, retryPolicy: RetryPolicy, signal?: AbortSignal): Promise<void> {
  const longestMs = Math.min(retryPolicy.maxDelayMs, retryPolicy.firstDelayMs * 2 ** (n - 1));
  await sleep(Math.random() * longestMs, undefined, { signal }).catch(() => undefined);
}

/** Repeats a request that may be done twice. Throws `StoreUnavailableError`, or at once `MisconfiguredError`. */
export async function withRetries<T>(send: () => Promise<T>, retryPolicy: RetryPolicy): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) throw error;
      const { is } = readAnswer(error);
      const limit = is === 'busy' ? retryPolicy.conflicts : is === 'lost' ? retryPolicy.attempts : 1;
      if (attempt >= limit) throw toStoreError(error);
      await backOff(attempt, retryPolicy);
    }
  }
}

/** The same for a request with a condition: `false` where that does not hold. */
export async function conditionalWrite(send: () => Promise<unknown>, retryPolicy: RetryPolicy): Promise<boolean> {
  try {
    await withRetries(send, retryPolicy);
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
