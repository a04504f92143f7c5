/**
 * Every code that Surehop itself gives to a failed message or a refused publish, with what it means to an operator.
 * A rule's own `PermanentError` may bring further codes.
 */
export const errorCodes = {
  // Why a message became a dead letter.
  MISSING_MESSAGE_ID: 'The message has no message-id property, so it cannot be recognised when it comes again.',
  MALFORMED: 'The body is not JSON in UTF-8.',
  UNKNOWN_TYPE: "No rule of the queue's consumer is for this type of event.",
  SCHEMA_MISMATCH:
    'The body does not fit the schema of its event, or the message names a version of it that no rule knows.',
  PAYLOAD_MISMATCH: 'Another message with the same id, but another body, was already done.',
  UNREMEMBERED:
    'The message may have been completed already: the record of that was lost when the inbox table was restored. Redrive it with "force" only if it was not.',
  ATTEMPTS_EXHAUSTED: 'The first attempt and every retry failed; the last error stands beside this code.',
  CRASH_LOOP: 'The message took the runtime down each time it was tried.',
  EXPIRED: 'The broker gave up on the message: it expired in its queue.',
  DELIVERY_LIMIT: 'The broker gave up on the message: it was returned to its queue too often.',
  MAX_LENGTH: 'The broker gave up on the message: its queue was full.',
  REJECTED: 'A consumer rejected the message without requeueing it.',

  // Why a publish was not confirmed.
  UNROUTABLE: 'No queue takes messages with this exchange and routing key.',
  REFUSED: 'A queue that should take the message is full; another one behind the same exchange may have taken it.',
  BLOCKED: 'The broker takes no messages now: it is short of memory or disk.',
  TOO_LARGE: 'The message is larger than the broker takes.',
  UNWRITABLE: 'A property or a header of the message cannot be written again as it was.',
  UNCONFIRMED: 'No answer from the broker in time: the message may or may not have been taken.',
  BROKER_UNAVAILABLE: 'The broker cannot be reached.',

  // Why a message could not be finished this time.
  STORE_UNAVAILABLE: 'DynamoDB cannot be reached, or throttles.',
  TABLE_MISSING: 'A DynamoDB table that the function uses does not exist in this deployment.',
  ACCESS_DENIED: "The function's role does not allow a request to DynamoDB.",
  STORE_MISCONFIGURED:
    'DynamoDB refuses every request of this kind: wrong credentials, or a table with another primary key than expected.',
  CONFLICT: 'Other transactions kept changing the same items.',
  CONDITION_FAILED: 'A condition of the effects failed, and the rule named no alternative.',
  INVALID_EFFECT: 'DynamoDB can never do what the rule asks for this message: a wrong key, type or size.',
  TIME_LIMIT: 'The rule did not finish within the time that one message gets.',
  LEASED: 'Another environment works on this message now.',
  HELD: 'An earlier message of the same key is not done yet.',
  UNKNOWN_ERROR: 'The rule threw an error without a code.',
} as const;

/** A code of the table above; a rule may use codes of its own. */
export type ErrorCode = keyof typeof errorCodes | (string & {});

/** An error with a code that an operator can look up. */
export class CodedError extends Error {
  override readonly name: string = 'CodedError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Thrown by a rule for a message that no retry can help: it is dead-lettered at once. */
export class PermanentError extends CodedError {
  override readonly name = 'PermanentError';
}

/** Thrown by a rule that knows when to try again: the message goes to the nearest retry tier. */
export class RetryAfterError extends CodedError {
  override readonly name = 'RetryAfterError';
  readonly delayMs: number;

  constructor(code: ErrorCode, message: string, delayMs: number, options?: ErrorOptions) {
    super(code, message, options);
    this.delayMs = delayMs;
  }
}

/** A publish that was not confirmed. `indeterminate`: the broker may have taken the message all the same. */
export class PublishError extends CodedError {
  override readonly name = 'PublishError';
  readonly indeterminate: boolean;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { indeterminate?: boolean }) {
    super(code, message, options);
    this.indeterminate = options?.indeterminate ?? false;
  }
}

/** Whether a publish failed for a reason that lies in the message: no repetition helps. */
export const isOfMessage = ({ code }: PublishError): boolean => code === 'UNWRITABLE' || code === 'TOO_LARGE';

/** DynamoDB is away: nothing can be said of the message, which comes back without an attempt spent. */
export class StoreUnavailableError extends CodedError {
  override readonly name = 'StoreUnavailableError';

  constructor(options?: ErrorOptions) {
    super('STORE_UNAVAILABLE', errorCodes.STORE_UNAVAILABLE, options);
  }
}

/** How a deployment can be wrong. */
export type MisconfigurationCode = 'TABLE_MISSING' | 'ACCESS_DENIED' | 'STORE_MISCONFIGURED';

/** The deployment is wrong, for every message alike: a message comes back without an attempt spent until it is corrected. */
export class MisconfiguredError extends CodedError {
  override readonly name = 'MisconfiguredError';
  /** Full names of the tables that cannot be used; none where that is true of all of them. */
  readonly tables: readonly string[];

  constructor(
    code: MisconfigurationCode,
    message: string,
    { tables = [], ...options }: ErrorOptions & { tables?: readonly string[] } = {},
  ) {
    super(code, message, options);
    this.tables = tables;
  }
}

/** Whether an error says nothing about the message that met it. */
export const isOutsideMessage = (error: unknown): error is StoreUnavailableError | MisconfiguredError =>
  error instanceof StoreUnavailableError || error instanceof MisconfiguredError;

/** Code and message of whatever was thrown, strings, `undefined` and objects that cannot be read included. */
export function describeError(thrown: unknown): { code: ErrorCode; message: string } {
  try {
    if (thrown instanceof Error) {
      const { code, message, name } = thrown as { code?: unknown; message?: unknown; name?: unknown };
      return { code: typeof code === 'string' ? code : 'UNKNOWN_ERROR', message: String(message || name) };
    }
    return { code: 'UNKNOWN_ERROR', message: String(thrown) };
  } catch {
    return { code: 'UNKNOWN_ERROR', message: 'what was thrown cannot be read as text' };
  }
}
