import { setTimeout as sleep } from 'node:timers/promises';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { readFailure, toStoreError } from './failure.ts';

/** How often requests to DynamoDB are retried, and after which delays. */
export interface RetryPolicy {
  /** How often a request is sent without a reply before DynamoDB counts as unavailable. */
  readonly attempts: number;
  /** How often a request is sent that DynamoDB throttles or cancels because of conflicts. */
  readonly conflicts: number;
  /** The first delay is at most this long, in ms; the maximum doubles with each further delay. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

export const defaultRetryPolicy: RetryPolicy = { attempts: 4, conflicts: 10, firstDelayMs: 25, maxDelayMs: 1_000 };

/** Waits before retry `n` (from 1) for a random time up to the maximum of this retry. An abort ends the wait. */
export async function backOff(n: number, retryPolicy: RetryPolicy, signal?: AbortSignal): Promise<void> {
  const longestMs = Math.min(retryPolicy.maxDelayMs, retryPolicy.firstDelayMs * 2 ** (n - 1));
  await sleep(Math.random() * longestMs, undefined, { signal }).catch(() => undefined);
}

/** Retries a request that may be carried out twice. Throws `StoreUnavailableError`, or without a retry `MisconfiguredError`. */
export async function withRetries<T>(send: () => Promise<T>, retryPolicy: RetryPolicy): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) throw error;
      const { is } = readFailure(error);
      const limit = is === 'busy' ? retryPolicy.conflicts : is === 'lost' ? retryPolicy.attempts : 1;
      if (attempt >= limit) throw toStoreError(error);
      await backOff(attempt, retryPolicy);
    }
  }
}

/** Retries a write with a condition. Returns `false` if the condition fails. */
export async function conditionalWrite(send: () => Promise<unknown>, retryPolicy: RetryPolicy): Promise<boolean> {
  try {
    await withRetries(send, retryPolicy);
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
