import { kindOf } from '../runtime/kind-of.ts';
import type { MessageId } from './message-id.ts';

/**
 * The id, type and version of a message whose AMQP properties do not identify it. The headers of every copy of the
 * message contain these three.
 */
export interface Identity {
  readonly id: MessageId;
  /** The type of the event. If absent, the consumer uses the AMQP property `type` of the message. */
  readonly type?: string;
  /** The version of the event. If absent, the consumer uses the header `surehop-schema-version` of the message. */
  readonly version?: number;
}

/**
 * The maximum length of a message id or an event type, in bytes. AMQP limits its properties `message-id` and `type` to
 * the same length.
 */
export const MAX_NAME_BYTES = 255;

const LONE_SURROGATE = /\p{Surrogate}/u;
const CONTROL_CHARACTER = /\p{Cc}/u;

const isDamaged = (text: string) => text.includes('\ufffd') || LONE_SURROGATE.test(text);

export const isPlainText = (text: string): boolean => !isDamaged(text) && !CONTROL_CHARACTER.test(text);

/** Returns the reason why a message id is invalid, or `undefined` if it is valid or absent. */
export function idFault(id: unknown): string | undefined {
  if (id === undefined || id === null) return undefined;
  if (typeof id !== 'string') return `the message id is ${kindOf(id)}, not a string`;
  if (Buffer.byteLength(id) > MAX_NAME_BYTES) return `the message id has more than ${MAX_NAME_BYTES} bytes`;
  return isDamaged(id) ? 'the message id is not UTF-8' : undefined;
}

/**
 * Checks the id, type and version that a function of the service or a CloudEvent gave to a message. Returns the three
 * values, or why one of them is invalid.
 */
export function checkIdentity(given: {
  readonly id?: unknown;
  readonly type?: unknown;
  readonly version?: unknown;
}): Identity | { readonly fault: string } {
  const { id, type, version } = given;
  if (id === undefined || id === null || id === '') return { fault: 'the message id is missing' };
  if (typeof id === 'number')
    return { fault: 'the message id is a number, which may be inexact: send the id as a string' };
  const fault = idFault(id);
  if (fault) return { fault };
  if (!isPlainText(id as string)) return { fault: 'the message id has a control character' };
  if (type !== undefined && (typeof type !== 'string' || type === '' || Buffer.byteLength(type) > MAX_NAME_BYTES))
    return { fault: `the type is not a text of 1 to ${MAX_NAME_BYTES} bytes` };
  if (version !== undefined && !(Number.isSafeInteger(version) && (version as number) > 0))
    return { fault: 'the version is not a positive whole number' };
  return { id: id as MessageId, type, version: version as number | undefined };
}
