import type { Attempt, FailedMarker, StoredEvent } from '../inbox/inbox.ts';
import { delayQueueFor } from '../rabbitmq/topology/delays.ts';
import type { DelayQueue, WorkQueue } from '../rabbitmq/topology/topology.ts';
import { textOf, type KnownErrorCode } from '../runtime/error-codes.ts';
import { describeError, isInstance, PermanentError, readProperty, RetryAfterError } from '../runtime/errors.ts';
import type { ErrorCode } from '../runtime/errors.ts';
import { shortText } from '../runtime/short-text.ts';
import { ownFramesOf, toLoggable, type LoggableError } from '../runtime/stack.ts';

/**
 * The cause of a failure: an error was thrown, or a `perform` function exceeded the time limit and may still be
 * running, or the cause is unknown.
 */
export type Cause = ThrownError | StillRunning | { readonly is: 'unknown' };

/** The error that the business rule or the function `identify` threw. */
export interface ThrownError {
  readonly is: 'thrown';
  readonly error: LoggableError;
  /** The error's innermost stack frames in the service's own code. */
  readonly frames: readonly string[];
}

/**
 * The `perform` function of the message exceeded the time limit. The function may still be running, and its lease on
 * the message may not have expired yet.
 */
interface StillRunning {
  readonly is: 'still-running';
  readonly leaseOwner: string;
}

export type Outcome = Processed | Retried | Postponed | DeadLettered | Unfinished;

/** The effects of the message are committed. Its follow-up events still have to be published. */
type Processed =
  | { readonly is: 'completed'; readonly events: readonly StoredEvent[] }
  | { readonly is: 'rejected'; readonly reason: string; readonly events: readonly StoredEvent[] }
  /**
   * An earlier delivery of the message, or another copy in the batch, was already completed, retried or dead-lettered.
   */
  | {
      readonly is: 'duplicate';
      readonly events: readonly StoredEvent[];
      /** Whether a retry copy of the message was published, and the message is therefore going to be processed again. */
      readonly isRetried: boolean;
    };

/**
 * The message failed. A copy of the message is published to `delayQueue`, and is delivered as the next attempt after
 * the delay.
 */
export interface Retried {
  readonly is: 'retry';
  readonly delayQueue: DelayQueue;
  readonly code: ErrorCode;
  readonly message: string;
  readonly cause: Cause;
}

/**
 * The message cannot be finished yet: another call of `perform` holds the lease on the message, an earlier message with
 * the same ordering key is unfinished, or no queue receives a follow-up event of the message. A copy of the message is
 * published to `delayQueue`, and is delivered as the same attempt after the delay.
 */
export interface Postponed {
  readonly is: 'postponed';
  readonly delayQueue: DelayQueue;
  readonly code: ErrorCode;
  readonly message: string;
}

export type DeadLettered = {
  readonly is: 'dead-letter';
  readonly code: ErrorCode;
  readonly message: string;
  readonly cause: Cause;
} & (
  | { readonly origin: 'invalid' | 'failed' }
  /** The inbox already records that the message became a dead letter at the attempt `at`. */
  | { readonly origin: 'claimed'; readonly at: Attempt }
);

/** The message is redelivered together with its batch. The redelivery counts as the same attempt. */
export interface Unfinished {
  readonly is: 'unfinished';
  readonly code: ErrorCode;
  readonly message: string;
}

interface OutcomeTraits {
  /** Whether this delivery of the message committed the decision of the business rule. */
  readonly isCommitted: boolean;
  /** Whether the later messages with the same ordering key can be processed. */
  readonly isFinal: boolean;
  readonly isFailure: boolean;
}

/**
 * The traits of each outcome. If an outcome is added, the compiler asks for its traits, so that no code that depends on
 * them overlooks it.
 */
export const outcomeTraits: Readonly<Record<Outcome['is'], OutcomeTraits>> = {
  completed: { isCommitted: true, isFinal: true, isFailure: false },
  rejected: { isCommitted: true, isFinal: true, isFailure: false },
  duplicate: { isCommitted: false, isFinal: true, isFailure: false },
  retry: { isCommitted: false, isFinal: false, isFailure: true },
  postponed: { isCommitted: false, isFinal: false, isFailure: false },
  'dead-letter': { isCommitted: false, isFinal: true, isFailure: true },
  unfinished: { isCommitted: false, isFinal: false, isFailure: true },
};

const MAX_MESSAGE_LENGTH = 2_000;
const MAX_CAUSE_LENGTH = 300;

export const duplicate = (events: readonly StoredEvent[] = []): Outcome => ({
  is: 'duplicate',
  events,
  isRetried: false,
});

const UNKNOWN_CAUSE: Cause = { is: 'unknown' };

export const thrownError = (thrown: unknown): ThrownError => ({
  is: 'thrown',
  error: toLoggable(thrown),
  frames: ownFramesOf(thrown),
});

export const deadLetter = (
  code: KnownErrorCode,
  message: string = textOf(code),
  cause: Cause = UNKNOWN_CAUSE,
): DeadLettered => ({
  is: 'dead-letter',
  origin: 'failed',
  code,
  message: shortText(message, MAX_MESSAGE_LENGTH),
  cause,
});

/**
 * Returns the outcome of a message that is redelivered because of an error that it did not cause, for example an
 * unavailable database. The text of the outcome includes the cause of the error.
 */
export function unfinished(error: unknown): Unfinished {
  const { code, message } = describeError(error);
  const cause = isInstance(error, Error) ? readProperty(error, 'cause') : undefined;
  const ofCause = cause ? ` (${shortText(describeError(cause).message, MAX_CAUSE_LENGTH)})` : '';
  return { is: 'unfinished', code, message: shortText(message, MAX_MESSAGE_LENGTH) + ofCause };
}

export const unfinishedAs = (code: KnownErrorCode, message: string = textOf(code)): Unfinished => ({
  is: 'unfinished',
  code,
  message,
});

export const outOfTime = (): Unfinished =>
  unfinishedAs('TIME_LIMIT', 'the invocation ran out of time before the rule could run for this message');

/**
 * Returns the outcome of a message whose inbox marker already records a failure. If it is unknown whether the dead
 * letter of the message was published, the dead letter is published again. Otherwise, the message is skipped as a
 * duplicate.
 */
export function fromFailedMarker({ state, code, message, redrives, attempt, isPending }: FailedMarker): Outcome {
  if (isPending)
    return { is: 'dead-letter', origin: 'claimed', code, message, cause: UNKNOWN_CAUSE, at: { redrives, attempt } };
  return state === 'retrying' ? { is: 'duplicate', events: [], isRetried: true } : duplicate();
}

/**
 * Returns the outcome of a message whose business rule threw an error: a dead letter if the error is permanent or no
 * attempt is left, and otherwise a retry.
 */
export function fromError(
  thrown: unknown,
  attempt: number,
  { queue: { delays }, attempts }: { readonly queue: WorkQueue; readonly attempts: number },
  cause: Cause = UNKNOWN_CAUSE,
): Retried | DeadLettered {
  const { code, message: text } = describeError(thrown);
  const message = shortText(text, MAX_MESSAGE_LENGTH);
  if (isInstance(thrown, PermanentError)) return { is: 'dead-letter', origin: 'failed', code, message, cause };
  const next = attempt < attempts ? delays[Math.min(attempt, delays.length) - 1] : undefined;
  if (!next)
    return deadLetter('ATTEMPTS_EXHAUSTED', `${attempt} attempts failed, the last with ${code}: ${message}`, cause);
  const delayQueue = isInstance(thrown, RetryAfterError) ? delayQueueFor(delays, delayOf(thrown)) : next;
  return { is: 'retry', delayQueue, code, message, cause };
}

function delayOf(thrown: RetryAfterError): number {
  const delayMs = readProperty(thrown, 'delayMs');
  return typeof delayMs === 'number' ? delayMs : Infinity;
}

export const postponed = (code: KnownErrorCode, { delays }: WorkQueue, delayMs: number): Postponed => ({
  is: 'postponed',
  delayQueue: delayQueueFor(delays, delayMs),
  code,
  message: textOf(code),
});
