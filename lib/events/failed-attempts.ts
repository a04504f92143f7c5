import { tryParseJson } from '../runtime/json.ts';
import { shortText } from '../runtime/short-text.ts';

export interface FailedAttempt {
  /** The number of the attempt, which starts again at 1 after each redrive. */
  readonly attempt: number;
  /** When the message was published again for the next attempt (ISO 8601). */
  readonly at: string;
  /** How long the message waited for the next attempt, in ms. */
  readonly delayMs: number;
  readonly code: string;
  readonly message: string;
}

/**
 * The maximum lengths of an error code (in characters), an error message (in characters) and the list of failed
 * attempts (in bytes).
 */
const MAX_CODE_LENGTH = 100;
const MAX_MESSAGE_LENGTH = 200;
export const MAX_LIST_BYTES = 2_000;

/** Writes a list of failed attempts as JSON. If the list would be too long, the oldest failed attempts are left out. */
export function writeFailedAttempts(attempts: readonly FailedAttempt[]): string {
  const cut = attempts.map(({ code, message, ...attempt }) => ({
    ...attempt,
    code: shortText(code, MAX_CODE_LENGTH),
    message: shortText(message, MAX_MESSAGE_LENGTH),
  }));
  let json = JSON.stringify(cut);
  while (Buffer.byteLength(json) > MAX_LIST_BYTES) {
    cut.shift();
    json = JSON.stringify(cut);
  }
  return json;
}

/**
 * Reads a list of failed attempts from a header. Leaves out every value that is not a failed attempt, because any
 * publisher can write the header.
 */
export function readFailedAttempts(json: string): FailedAttempt[] {
  if (Buffer.byteLength(json) > MAX_LIST_BYTES) return [];
  const list = tryParseJson(json);
  return Array.isArray(list) ? list.flatMap(toFailedAttempt) : [];
}

function toFailedAttempt(value: unknown): FailedAttempt[] {
  const { attempt, at, delayMs, code, message } = (value ?? {}) as Record<string, unknown>;
  const isValid =
    isCount(attempt) && isCount(delayMs) && typeof code === 'string' && typeof message === 'string' && isTime(at);
  return isValid ? [{ attempt, at, delayMs, code, message }] : [];
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isTime = (value: unknown): value is string =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) && !isNaN(Date.parse(value));
