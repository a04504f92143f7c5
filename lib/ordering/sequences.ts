import { hash } from 'node:crypto';

import type { Candidate } from '../consumer/message.ts';
import type { MessageId } from '../events/message-id.ts';

/** Returns the key of an event; messages with the same key are processed one after another. */
export type KeyOf = (event: any) => string;

/** The key of a message, or the error that `orderBy` threw. */
export type Order = { readonly key: string } | { readonly error: unknown };

/** The messages of a batch by key, in the order in which they must be processed. */
export type Sequences = readonly (readonly [key: string, ids: readonly MessageId[]])[];

export function orderOf(event: unknown, keyOf: KeyOf): Order {
  try {
    return { key: boundedKey(keyOf(event)) };
  } catch (error) {
    return { error };
  }
}

/** Longer keys are stored as their hash, so that the records of a large batch stay small. */
const MAX_KEY_BYTES = 256;
const HASHED = 'sha256:';

/** Returns short text unchanged, and the hash of any other key, such as a key with lone surrogates, which DynamoDB would change. */
export function boundedKey(key: unknown): string {
  if (typeof key !== 'string') throw new TypeError(`orderBy returned a ${typeof key}: the key must be a string`);
  const isPlain =
    Buffer.byteLength(key) <= MAX_KEY_BYTES && Buffer.from(key).toString() === key && !key.startsWith(HASHED);
  return isPlain ? key : HASHED + hash('sha256', Buffer.from(key, 'utf16le'));
}

/** The key of the message; undefined if the consumer keeps no order per key, or if `orderBy` threw an error. */
export const keyOf = ({ order }: Candidate): string | undefined => (order && 'key' in order ? order.key : undefined);

export function byKey(candidates: readonly Candidate[]): Map<string, Candidate[]> {
  const sequences = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const key = keyOf(candidate);
    if (key === undefined) continue;
    const sequence = sequences.get(key);
    if (sequence) sequence.push(candidate);
    else sequences.set(key, [candidate]);
  }
  return sequences;
}
