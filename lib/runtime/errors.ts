/**
 * All error codes that Surehop gives to failed messages and failed publishes. The text of each error code says what the
 * error code means and what an operator should do. A business rule may use further error codes in a `PermanentError` or
 * `RetryAfterError`.
 */
export const errorCodes = {
  // Why a message became a dead letter.
  MISSING_MESSAGE_ID:
    'The message has no message-id property, so a redelivery of it could not be recognized. Fix its publisher, or give the consumer a function "identify" and redrive.',
  IDENTIFY_FAILED:
    'The function "identify" of the consumer threw an error, or its result is invalid. Fix the function or the publisher, then redrive.',
  INVALID_CLOUDEVENT:
    'A required attribute of the CloudEvent is missing or invalid, so the message cannot be identified. Fix its publisher.',
  MALFORMED: 'The body is not JSON in UTF-8. Fix its publisher.',
  UNKNOWN_TYPE: "The queue's consumer has no rule for this type of event. Add a rule, or remove the binding.",
  SCHEMA_MISMATCH:
    'The body does not match the schema of its event, or no rule handles this version of the event. Deploy a matching rule, then redrive.',
  PAYLOAD_MISMATCH:
    'A message with the same id but another body was processed before. Fix its publisher: an id belongs to one message.',
  UNREMEMBERED:
    'The message may have been completed already: its marker was lost when the inbox table was restored. Redrive it with "force" only if it was not completed.',
  ATTEMPTS_EXHAUSTED:
    'The first attempt and every retry failed; the last error is stored with this code. Fix the cause, then redrive.',
  CRASH_LOOP: 'The function crashed each time it processed the message. Fix the cause, then redrive.',
  TOO_OLD:
    'The message was older than the maximum age that its consumer accepts. Redrive it if it is still wanted; its age then starts again.',
  EXPIRED: 'The message expired in its queue before a consumer received it. Redrive it if it is still wanted.',
  DELIVERY_LIMIT: 'The message was returned to its queue more often than the queue allows. Find out why, then redrive.',
  MAX_LENGTH: 'The queue was full. Let its consumer catch up, then redrive.',
  REJECTED: 'A consumer rejected the message without requeueing it. Find that consumer, then redrive.',

  // Why a publish was not confirmed.
  UNROUTABLE: 'No queue is bound for this exchange and routing key. Apply the topology.',
  REFUSED:
    'A queue for this message is full; another queue of the same exchange may have accepted it. Publish it again later.',
  BLOCKED: 'The broker accepts no messages because it is short of memory or disk. Free some, or use a larger broker.',
  TOO_LARGE: 'The message is larger than the broker accepts.',
  UNWRITABLE: 'A property or header of the message cannot be encoded in AMQP.',
  UNCONFIRMED:
    'The broker did not answer in time; it may or may not have the message. Publish it again with the same id.',
  BROKER_UNAVAILABLE: 'The broker cannot be reached.',

  // Why a message was not finished this time.
  STORE_UNAVAILABLE: 'DynamoDB cannot be reached, or it throttles requests.',
  TABLE_MISSING: 'A DynamoDB table that the function uses does not exist. Deploy the table.',
  ACCESS_DENIED:
    "The function's role does not allow a request to DynamoDB. Add the permission to the function's access.",
  STORE_MISCONFIGURED:
    'DynamoDB refuses every such request: the credentials are wrong, or a table has another primary key than expected.',
  CONFLICT: 'Other transactions kept changing the same items. The message is retried.',
  CONDITION_FAILED: 'A condition of the effects failed, and the rule returned no alternative.',
  INVALID_EFFECT: 'DynamoDB cannot apply an effect of the rule: its key, type or size is invalid. Fix the rule.',
  INVALID_ITEM:
    'An item in DynamoDB does not match the schema of its table. Correct the item, or make the schema accept it.',
  TIME_LIMIT: 'The rule did not finish within the time limit of one message.',
  LEASED: 'Another environment is processing the message.',
  BLOCKED_BY_KEY: 'An earlier message with the same key is not finished yet.',
  UNKNOWN_ERROR: 'The rule threw an error without a code.',
} as const;

/** A code of `errorCodes`, or a code that a business rule defines itself. */
export type ErrorCode = keyof typeof errorCodes | (string & {});

/** An error with a code, either from `errorCodes` or from a business rule. */
export class CodedError extends Error {
  override readonly name: string = 'CodedError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A business rule throws this error if a retry cannot help. The message is then dead-lettered at once. */
export class PermanentError extends CodedError {
  override readonly name = 'PermanentError';
}

/**
 * A business rule throws this error to say when a retry makes sense. The message is retried after the shortest delay of
 * its queue that is at least `delayMs`. If all delays are shorter, the message is retried after the longest delay.
 */
export class RetryAfterError extends CodedError {
  override readonly name = 'RetryAfterError';
  readonly delayMs: number;

  constructor(code: ErrorCode, message: string, delayMs: number, options?: ErrorOptions) {
    super(code, message, options);
    this.delayMs = delayMs;
  }
}

/**
 * Thrown when the broker did not confirm a publish. If `indeterminate` is true, the broker may have stored the message
 * nevertheless.
 */
export class PublishError extends CodedError {
  override readonly name = 'PublishError';
  readonly indeterminate: boolean;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { indeterminate?: boolean }) {
    super(code, message, options);
    this.indeterminate = options?.indeterminate ?? false;
  }
}

/** Whether a publish failed because of the message itself. Publishing the message again cannot succeed then. */
export const isOfMessage = ({ code }: PublishError): boolean => code === 'UNWRITABLE' || code === 'TOO_LARGE';

/**
 * Thrown when DynamoDB is unavailable. The message that was being processed is then redelivered, and the redelivery
 * does not count as an attempt.
 */
export class StoreUnavailableError extends CodedError {
  override readonly name = 'StoreUnavailableError';

  constructor(options?: ErrorOptions) {
    super('STORE_UNAVAILABLE', errorCodes.STORE_UNAVAILABLE, options);
  }
}

export type MisconfigurationCode = 'TABLE_MISSING' | 'ACCESS_DENIED' | 'STORE_MISCONFIGURED';

/**
 * Thrown when a mistake in the deployment, such as a missing DynamoDB table, makes every message fail. The messages are
 * redelivered until the deployment is fixed, and the redeliveries do not count as attempts.
 */
export class MisconfiguredError extends CodedError {
  override readonly name = 'MisconfiguredError';
  /**
   * The full names of the DynamoDB tables that cannot be used. An empty list means that none of the tables can be used.
   */
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

/**
 * Whether an error means that DynamoDB is unavailable or the deployment is wrong, and therefore was not caused by the
 * message that was being processed.
 */
export const isOutsideMessage = (error: unknown): error is StoreUnavailableError | MisconfiguredError =>
  error instanceof StoreUnavailableError || error instanceof MisconfiguredError;

/** Returns the code and message of any thrown value, including strings, `undefined` and objects with throwing getters. */
export function describeError(thrown: unknown): { code: ErrorCode; message: string } {
  try {
    if (thrown instanceof Error) {
      const { code, message, name } = thrown as { code?: unknown; message?: unknown; name?: unknown };
      return { code: typeof code === 'string' ? code : 'UNKNOWN_ERROR', message: String(message || name) };
    }
    return { code: 'UNKNOWN_ERROR', message: String(thrown) };
  } catch {
    return { code: 'UNKNOWN_ERROR', message: 'the thrown value cannot be converted to text' };
  }
}
