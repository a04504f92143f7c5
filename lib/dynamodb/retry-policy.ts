import { setTimeout as sleep } from 'node:timers/promises';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { readFailure, toStoreError } from './failure.ts';

export interface RetryPolicy {
  /** How many times a request is sent without getting a reply before DynamoDB counts as unavailable. */
  readonly attempts: number;
  /**
   * The maximum number of times that a request is sent if DynamoDB throttles the request or cancels it because of
   * conflicts.
   */
  readonly conflicts: number;
  /**
   * The maximum random delay before the first retry of a request, in ms. The maximum delay doubles with each further
   * retry.
   */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

export const defaultRetryPolicy: RetryPolicy = { attempts: 4, conflicts: 10, firstDelayMs: 25, maxDelayMs: 1_000 };

export async function backOff(n: number, retryPolicy: RetryPolicy, signal?: AbortSignal): Promise<void> {
  const longestMs = Math.min(retryPolicy.maxDelayMs, retryPolicy.firstDelayMs * 2 ** (n - 1));
  await sleep(Math.random() * longestMs, undefined, { signal }).catch(() => undefined);
}

/**
 * Sends a request to DynamoDB, and repeats the request after throttling, a conflict or a missing reply. The request
 * must therefore be safe to carry out twice. Throws `StoreUnavailableError` if the last attempt fails.
 */
export async function withRetries<T>(send: () => Promise<T>, retryPolicy: RetryPolicy): Promise<T> {
  let lost = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) throw error;
      const { is } = readFailure(error);
      if (is === 'lost') lost += 1;
      const isRepeated = is === 'lost' ? lost < retryPolicy.attempts : is === 'busy' && attempt < retryPolicy.conflicts;
      if (!isRepeated) throw toStoreError(error);
      await backOff(attempt, retryPolicy);
    }
  }
}

/**
 * Sends a conditional write to DynamoDB, with retries. Returns `true` if the item was written, and `false` if the
 * condition failed.
 */
export async function conditionalWrite(send: () => Promise<unknown>, retryPolicy: RetryPolicy): Promise<boolean> {
  try {
    await withRetries(send, retryPolicy);
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
