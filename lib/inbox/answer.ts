import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { CancellationReason } from '@aws-sdk/client-dynamodb';

/** What an error from DynamoDB says of the request. */
export type Answer =
  /** Nothing was written, for these reasons. */
  | { readonly is: 'cancelled'; readonly reasons: readonly CancellationReason[] }
  /** Nothing was written, nor ever will be. */
  | { readonly is: 'refused' }
  /** Not now: throttled, or the same request is still under way. */
  | { readonly is: 'busy' }
  /** No answer, or one that does not tell whether the request was done. */
  | { readonly is: 'lost' };

const REFUSED = new Set(['ValidationException', 'SerializationException', 'RequestEntityTooLargeException']);

const BUSY = new Set([
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
  'ThrottlingError',
  'TransactionInProgressException',
  'TransactionConflictException',
]);

/** Sorts what the client threw. */
export function readAnswer(error: unknown): Answer {
  if (error instanceof TransactionCanceledException && error.CancellationReasons !== undefined) {
    return { is: 'cancelled', reasons: error.CancellationReasons };
  }
  const name = error instanceof Error ? error.name : '';
  if (REFUSED.has(name)) return { is: 'refused' };
  return { is: BUSY.has(name) ? 'busy' : 'lost' };
}

/** Whether the client itself repeated the request, so that an earlier answer may have been lost. */
export function wasRepeated(error: unknown): boolean {
  const attempts = (error as { $metadata?: { attempts?: number } } | undefined)?.$metadata?.attempts;
  return attempts !== undefined && attempts > 1;
}
