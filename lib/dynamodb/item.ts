import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { PermanentError } from '../runtime/errors.ts';

/** The attributes of an item as plain JavaScript values. */
export type Item = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** The primary key of an item. */
export type Key = Readonly<Record<string, string | number>>;

/** The attributes of an item in DynamoDB's own notation. */
export type Attributes = Record<string, AttributeValue>;

/** The value of a TTL attribute: the time after which DynamoDB may delete an item, in seconds since the epoch. */
export const expiryAfter = (days: number, nowMs: number): string => String(Math.floor(nowMs / 1_000) + days * 86_400);

/**
 * The largest item that DynamoDB accepts, in bytes
 * (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html).
 */
const MAX_ITEM_BYTES = 400 * 1024;
const LARGEST_NUMBER = 9.99e125;
const SMALLEST_NUMBER = 1e-130;

/**
 * Creates the error for an effect that DynamoDB can never write. The message with this effect is then dead-lettered
 * without a retry.
 */
export const invalidEffect = (message: string, options?: ErrorOptions): PermanentError =>
  new PermanentError('INVALID_EFFECT', message, options);

function toAttribute(table: string, name: string, value: unknown): AttributeValue {
  switch (typeof value) {
    case 'string':
      return { S: value };
    case 'boolean':
      return { BOOL: value };
    case 'number': {
      const size = Math.abs(value);
      if (size <= LARGEST_NUMBER && (size >= SMALLEST_NUMBER || size === 0)) return { N: String(value) };
      break;
    }
    case 'object':
      if (value === null) return { NULL: true };
  }
  throw invalidEffect(`${table}.${name} is ${describe(value)}; use a string, a finite number, a boolean or null`);
}

const describe = (value: unknown): string => (typeof value === 'number' ? `the number ${value}` : `a ${typeof value}`);

/** Converts the plain values of an item to DynamoDB's notation. Attributes that are `undefined` are left out. */
export function toAttributes(table: string, item: Item): Attributes {
  const attributes: Attributes = {};
  for (const name in item) {
    const value = item[name];
    if (value !== undefined) attributes[name] = toAttribute(table, name, value);
  }
  return attributes;
}

/**
 * Converts a primary key to DynamoDB's notation. Throws `INVALID_EFFECT` if the key has no attributes or contains an empty
 * string.
 */
export function toKey(table: string, key: Key): Attributes {
  const attributes = toAttributes(table, key);
  const names = Object.keys(attributes);
  if (names.length === 0) throw invalidEffect(`an effect on the table ${table} has no key`);
  for (const name of names) {
    if (attributes[name]?.S === '')
      throw invalidEffect(`the key attribute ${table}.${name} is an empty string; DynamoDB accepts none in a key`);
  }
  return attributes;
}

/** Returns a text that identifies an item. Two keys have the same text only if they are the key of the same item. */
export function itemId(table: string, key: Attributes): string {
  const names = Object.keys(key);
  if (names.length > 1) names.sort();
  return JSON.stringify([table, names.map((name) => [name, key[name]])]);
}

/**
 * Returns the size of an item as DynamoDB counts it, rounded up. Throws `INVALID_EFFECT` if the item is larger than
 * DynamoDB allows.
 */
export function itemBytes(table: string, attributes: Attributes): number {
  let bytes = 100;
  for (const name in attributes) {
    const value = attributes[name]!;
    bytes +=
      Buffer.byteLength(name) + (value.S !== undefined ? Buffer.byteLength(value.S) : (value.N?.length ?? 1)) + 3;
  }
  if (bytes > MAX_ITEM_BYTES)
    throw invalidEffect(
      `an item of the table ${table} would have ${bytes} bytes; DynamoDB stores at most ${MAX_ITEM_BYTES}`,
    );
  return bytes;
}
