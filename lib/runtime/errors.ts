import { shortText } from './short-text.ts';
import { textOf, type KnownErrorCode } from './error-codes.ts';

/** An error code of Surehop (see `errorCodes`), or an error code that a business rule defines itself. */
export type ErrorCode = KnownErrorCode | (string & {});

/** An error with an error code, which is one of Surehop's codes or a code of a business rule. */
export class CodedError extends Error {
  override readonly name: string = 'CodedError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Thrown by a business rule if a retry cannot help. The message is then dead-lettered without a retry. */
export class PermanentError extends CodedError {
  override readonly name = 'PermanentError';
}

/**
 * Thrown by a business rule to say when a retry makes sense. The message is retried after the queue's shortest delay
 * that is at least `delayMs`, or else after the longest delay.
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
 * Thrown when the broker did not confirm a published message. If `indeterminate` is true, the broker may have stored
 * the message nevertheless.
 */
export class PublishError extends CodedError {
  override readonly name = 'PublishError';
  readonly indeterminate: boolean;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { indeterminate?: boolean }) {
    super(code, message, options);
    this.indeterminate = options?.indeterminate ?? false;
  }
}

/** Whether a publish failed because of the message itself. Publishing such a message again cannot succeed. */
export const isOfMessage = ({ code }: PublishError): boolean => code === 'UNWRITABLE' || code === 'TOO_LARGE';

/**
 * Thrown when DynamoDB is unavailable. The current message is then redelivered, and the redelivery does not count as an
 * attempt.
 */
export class StoreUnavailableError extends CodedError {
  override readonly name = 'StoreUnavailableError';

  constructor(options?: ErrorOptions) {
    super('STORE_UNAVAILABLE', textOf('STORE_UNAVAILABLE'), options);
  }
}

export type MisconfigurationCode = 'TABLE_MISSING' | 'ACCESS_DENIED' | 'STORE_MISCONFIGURED';

/**
 * Thrown when every message fails because the deployment is misconfigured, for example because a DynamoDB table is
 * missing. The messages are redelivered, without counting attempts, until the deployment is fixed.
 */
export class MisconfiguredError extends CodedError {
  override readonly name = 'MisconfiguredError';
  /**
   * The full names of the DynamoDB tables that the function cannot use. If the list is empty, any table can be
   * affected.
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
 * Whether an error means that DynamoDB is unavailable or the deployment is misconfigured. Such an error is not caused
 * by the message that is being processed.
 */
export const isOutsideMessage = (error: unknown): error is StoreUnavailableError | MisconfiguredError =>
  isInstance(error, StoreUnavailableError) || isInstance(error, MisconfiguredError);

/**
 * Whether a thrown value is an instance of a class. Unlike `instanceof`, this function never throws, not even for a
 * `Proxy`.
 */
export function isInstance<T>(thrown: unknown, type: abstract new (...args: any[]) => T): thrown is T {
  try {
    return thrown instanceof type;
  } catch {
    return false;
  }
}

/** Reads a property of a thrown value. Returns `undefined` if reading the property throws an error. */
export function readProperty(thrown: unknown, name: string): unknown {
  try {
    return (thrown as Record<string, unknown> | null | undefined)?.[name];
  } catch {
    return undefined;
  }
}

const MAX_CODE_LENGTH = 100;
const MAX_MESSAGE_LENGTH = 10_000;

/**
 * Returns the code and message of any thrown value, including strings, `undefined` and objects with throwing getters.
 * Long codes and messages are cut off.
 */
export function describeError(thrown: unknown): { code: ErrorCode; message: string } {
  const isError = isInstance(thrown, Error);
  const code = isError ? readProperty(thrown, 'code') : undefined;
  const text = isError ? readProperty(thrown, 'message') || readProperty(thrown, 'name') : thrown;
  return {
    code: typeof code === 'string' ? shortText(code, MAX_CODE_LENGTH) : 'UNKNOWN_ERROR',
    message: shortText(toText(text), MAX_MESSAGE_LENGTH),
  };
}

function toText(value: unknown): string {
  try {
    return String(value);
  } catch {
    return 'the thrown value cannot be converted to text';
  }
}
