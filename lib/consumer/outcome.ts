import type { LoggableError } from '../runtime/stack.ts';
import { delayQueueFor } from '../rabbitmq/topology/delays.ts';
import type { DelayQueue, WorkQueue } from '../rabbitmq/topology/topology.ts';
import type { Attempt, FailedMarker } from '../inbox/inbox.ts';
import { describeError, errorCodes, PermanentError, RetryAfterError, type ErrorCode } from '../runtime/errors.ts';

/** What a rule threw. */
export interface Failure {
  readonly error: LoggableError;
  /** The first frames in the service's own code. */
  readonly frames: readonly string[];
}

/** What became of one message of a batch. */
export type Outcome =
  | { readonly is: 'completed' }
  | { readonly is: 'rejected'; readonly reason: string }
  /** Done or placed before: by an earlier delivery, or by another copy in this batch. */
  | { readonly is: 'duplicate' }
  | {
      readonly is: 'retry';
      readonly tier: DelayQueue;
      readonly nextAttempt: number;
      readonly code: ErrorCode;
      readonly message: string;
      readonly failure?: Failure;
    }
  | {
      readonly is: 'dead-letter';
      readonly code: ErrorCode;
      readonly message: string;
      readonly failure?: Failure;
      /** The attempt at which it was given up on, where that was another copy's. */
      readonly givenUpAt?: Attempt;
    }
  /** Comes back with the whole batch, no attempt spent. */
  | { readonly is: 'unfinished'; readonly code: ErrorCode; readonly message: string };

export const deadLetter = (code: keyof typeof errorCodes, message: string = errorCodes[code]): Outcome => ({
  is: 'dead-letter',
  code,
  message,
});

/** Comes back, for a reason that lies outside of the message; the cause is told too, since somebody has to mend it. */
export function unfinished(error: unknown): Outcome {
  const { code, message } = describeError(error);
  const cause = error instanceof Error && error.cause ? ` (${describeError(error.cause).message.slice(0, 300)})` : '';
  return { is: 'unfinished', code, message: message + cause };
}

/** What another copy's end as a dead letter means for this one: the dead letter is published, or was already. */
export const parkedAs = ({ code, message, redrives, attempt, isPending }: FailedMarker): Outcome =>
  isPending ? { is: 'dead-letter', code, message, givenUpAt: { redrives, attempt } } : { is: 'duplicate' };

export const unfinishedAs = (code: keyof typeof errorCodes): Outcome => ({
  is: 'unfinished',
  code,
  message: errorCodes[code],
});

/** A rule may throw any code and any message: markers, headers and log lines hold what is left of them. */
const MAX_CODE_LENGTH = 100;
const MAX_MESSAGE_LENGTH = 2_000;

const bounded = ({ code, message }: ReturnType<typeof describeError>) => ({
  code: code.slice(0, MAX_CODE_LENGTH),
  message: message.slice(0, MAX_MESSAGE_LENGTH),
});

/** What a failure leads to: the next delay, the shortest delay that is not shorter than requested, or a dead letter. */
export function outcomeOf(thrown: unknown, attempt: number, { delays }: WorkQueue): Outcome {
  const { code, message } = bounded(describeError(thrown));
  if (thrown instanceof PermanentError) return { is: 'dead-letter', code, message };
  const next = delays[attempt - 1];
  if (!next) return deadLetter('ATTEMPTS_EXHAUSTED', `${attempt} attempts failed, the last with ${code}: ${message}`);
  const tier = thrown instanceof RetryAfterError ? delayQueueFor(delays, thrown.delayMs) : next;
  return { is: 'retry', tier, nextAttempt: attempt + 1, code, message };
}

/** Waits at least `delayMs`, if the queue has such a delay, without using an attempt. */
export function postponed(
  code: keyof typeof errorCodes,
  attempt: number,
  { delays }: WorkQueue,
  delayMs: number,
): Outcome {
  const message = errorCodes[code];
  const tier = delayQueueFor(delays, delayMs);
  return { is: 'retry', tier, nextAttempt: attempt, code, message };
}
