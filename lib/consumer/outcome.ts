import type { Attempt, FailedMarker, StoredEvent } from '../inbox/inbox.ts';
import { delayQueueFor } from '../rabbitmq/topology/delays.ts';
import type { DelayQueue, WorkQueue } from '../rabbitmq/topology/topology.ts';
import { describeError, errorCodes, PermanentError, RetryAfterError, type ErrorCode } from '../runtime/errors.ts';
import type { LoggableError } from '../runtime/stack.ts';

/** An error that a rule threw. */
export interface Failure {
  readonly error: LoggableError;
  /** The first stack frames in the service's own code. */
  readonly frames: readonly string[];
}

export type Outcome = Processed | Retried | Postponed | DeadLettered | Unfinished;

/** The effects are committed; the batch still has to publish the follow-up events. */
type Processed =
  | { readonly is: 'completed'; readonly events: readonly StoredEvent[] }
  | { readonly is: 'rejected'; readonly reason: string; readonly events: readonly StoredEvent[] }
  /** An earlier delivery, or another copy in this batch, was completed or handed off. */
  | { readonly is: 'duplicate'; readonly events: readonly StoredEvent[] };

/** A copy of the message comes back after the delay of `delayQueue`, as the next attempt. */
export interface Retried {
  readonly is: 'retry';
  readonly delayQueue: DelayQueue;
  readonly code: ErrorCode;
  readonly message: string;
  readonly failure?: Failure;
}

/** The message waits for a lease or for an earlier message of its key: a copy comes back after the delay of `delayQueue`, as the same attempt. */
export interface Postponed {
  readonly is: 'postponed';
  readonly delayQueue: DelayQueue;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface DeadLettered {
  readonly is: 'dead-letter';
  readonly code: ErrorCode;
  readonly message: string;
  readonly failure?: Failure;
  /** Whether no environment can process the message, so that its dead letter needs no claim in the store. */
  readonly isInvalid?: boolean;
  /** The attempt of the dead letter, if another copy of the message became one. */
  readonly givenUpAt?: Attempt;
}

/** The message comes back with its batch, as the same attempt. */
export interface Unfinished {
  readonly is: 'unfinished';
  readonly code: ErrorCode;
  readonly message: string;
}

export const DUPLICATE: Outcome = { is: 'duplicate', events: [] };

export const deadLetter = (code: keyof typeof errorCodes, message: string = errorCodes[code]): DeadLettered => ({
  is: 'dead-letter',
  code,
  message,
});

/** For an error that says nothing about the message; the cause is in the text because somebody has to fix it. */
export function unfinished(error: unknown): Unfinished {
  const { code, message } = describeError(error);
  const cause = error instanceof Error && error.cause ? ` (${describeError(error.cause).message.slice(0, 300)})` : '';
  return { is: 'unfinished', code, message: message + cause };
}

export const unfinishedAs = (code: keyof typeof errorCodes, message: string = errorCodes[code]): Unfinished => ({
  is: 'unfinished',
  code,
  message,
});

/** The message's turn did not come within the invocation. */
export const outOfTime = (): Unfinished =>
  unfinishedAs('TIME_LIMIT', 'the invocation ran out of time before the rule could run for this message');

/** For a message of which another copy was handed off: nothing is left to do, unless the dead letter of that copy is not published yet. */
export const fromFailedMarker = ({ code, message, redrives, attempt, isPending }: FailedMarker): Outcome =>
  isPending ? { is: 'dead-letter', code, message, givenUpAt: { redrives, attempt } } : DUPLICATE;

/** Markers, headers and log lines hold the code and the message of an error that a rule threw. */
const MAX_CODE_LENGTH = 100;
const MAX_MESSAGE_LENGTH = 2_000;

/** A retry as long as attempts are left, else a dead letter. */
export function fromError(thrown: unknown, attempt: number, { delays }: WorkQueue): Retried | DeadLettered {
  const described = describeError(thrown);
  const code = described.code.slice(0, MAX_CODE_LENGTH);
  const message = described.message.slice(0, MAX_MESSAGE_LENGTH);
  if (thrown instanceof PermanentError) return { is: 'dead-letter', code, message };
  const next = delays[attempt - 1];
  if (!next) return deadLetter('ATTEMPTS_EXHAUSTED', `${attempt} attempts failed, the last with ${code}: ${message}`);
  const delayQueue = thrown instanceof RetryAfterError ? delayQueueFor(delays, thrown.delayMs) : next;
  return { is: 'retry', delayQueue, code, message };
}

export const postponed = (code: keyof typeof errorCodes, { delays }: WorkQueue, delayMs: number): Postponed => ({
  is: 'postponed',
  delayQueue: delayQueueFor(delays, delayMs),
  code,
  message: errorCodes[code],
});
