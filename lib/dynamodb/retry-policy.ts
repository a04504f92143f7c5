import { setTimeout as sleep } from 'node:timers/promises';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { readAnswer, toStoreError } from './reply.ts';

/** How long the inbox keeps trying. */
export interface Patience {
  /** Times that one request is sent before the store counts as away. */
  readonly attempts: number;
  /** Times that a transaction may meet others on the same items. */
  readonly conflicts: number;
  /** The first pause is up to this long, each further one up to twice as long. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

export const defaultPatience: Patience = { attempts: 4, conflicts: 10, firstPauseMs: 25, longestPauseMs: 1_000 };

/** Waits before repetition `n` (from 1), with full jitter; an abort ends the wait. */
export async function pause(n: number, patience: Patience, signal?: AbortSignal): Promise<void> {
  const longestMs = Math.min(patience.longestPauseMs, patience.firstPauseMs * 2 ** (n - 1));
  await sleep(Math.random() * longestMs, undefined, { signal }).catch(() => undefined);
}

/** Repeats a request that may be done twice. Throws `StoreUnavailableError`, or at once `MisconfiguredError`. */
export async function repeated<T>(send: () => Promise<T>, patience: Patience): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) throw error;
      const { is } = readAnswer(error);
      const limit = is === 'busy' ? patience.conflicts : is === 'lost' ? patience.attempts : 1;
      if (attempt >= limit) throw toStoreError(error);
      await pause(attempt, patience);
    }
  }
}

/** The same for a request with a condition: `false` where that does not hold. */
export async function ifCondition(send: () => Promise<unknown>, patience: Patience): Promise<boolean> {
  try {
    await repeated(send, patience);
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
