import { hash } from 'node:crypto';

import { kindOf } from '../runtime/kind-of.ts';

/**
 * Returns the ordering key of the event in a message. Messages with the same ordering key are processed one after
 * another.
 */
export type KeyOf = (event: any) => string;

export type Order = { readonly key: string } | { readonly error: unknown };

export function orderOf(event: unknown, keyOf: KeyOf): Order {
  try {
    return { key: boundedKey(keyOf(event)) };
  } catch (error) {
    return { error };
  }
}

const MAX_KEY_BYTES = 256;
const HASHED = 'sha256:';

export function boundedKey(key: unknown): string {
  if (typeof key !== 'string') throw new TypeError(`orderBy returned ${kindOf(key)}: the key must be a string`);
  const isPlain =
    Buffer.byteLength(key) <= MAX_KEY_BYTES && Buffer.from(key).toString() === key && !key.startsWith(HASHED);
  return isPlain ? key : HASHED + hash('sha256', Buffer.from(key, 'utf16le'));
}

/**
 * Returns the ordering key of a message. Returns `undefined` if the consumer has no `orderBy`, or if `orderBy` threw an
 * error.
 */
export const keyOf = ({ order }: { readonly order?: Order }): string | undefined =>
  order && 'key' in order ? order.key : undefined;
