import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { PermanentError } from '../runtime/errors.ts';

/** The attributes of an item as plain JavaScript values. */
export type Item = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** The primary key of an item. */
export type Key = Readonly<Record<string, string | number>>;

/** The attributes of an item in DynamoDB's own notation. */
export type Attributes = Record<string, AttributeValue>;

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html */
const MAX_ITEM_BYTES = 400 * 1024;
const LARGEST_NUMBER = 9.99e125;
const SMALLEST_NUMBER = 1e-130;

/** What cannot be written, whoever tries: no retry helps. */
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
  throw invalidEffect(
    `${table}.${name} is ${describe(value)}; DynamoDB takes a string, a number, a boolean or null here`,
  );
}

const describe = (value: unknown): string => (typeof value === 'number' ? `the number ${value}` : `a ${typeof value}`);

/** Writes plain values in DynamoDB's notation, leaving out what is `undefined`. */
export function toAttributes(table: string, item: Item): Attributes {
  const attributes: Attributes = {};
  for (const name in item) {
    const value = item[name];
    if (value !== undefined) attributes[name] = toAttribute(table, name, value);
  }
  return attributes;
}

/** The same for a primary key, in which neither `undefined` nor an empty string may stand. */
export function toKey(table: string, key: Key): Attributes {
  const attributes = toAttributes(table, key);
  const names = Object.keys(attributes);
  if (names.length === 0) throw invalidEffect(`an effect on ${table} names no key`);
  for (const name of names) {
    if (attributes[name]?.S === '') throw invalidEffect(`the key ${table}.${name} is an empty string`);
  }
  return attributes;
}

/** Tells items apart: two keys give the same text only where they name the same item. */
export function itemId(table: string, key: Attributes): string {
  const names = Object.keys(key);
  if (names.length > 1) names.sort();
  return JSON.stringify([table, names.map((name) => [name, key[name]])]);
}

/** Bytes that DynamoDB counts for an item, rounded up; throws where it is more than one item may hold. */
export function itemBytes(table: string, attributes: Attributes): number {
  let bytes = 100;
  for (const name in attributes) {
    const value = attributes[name]!;
    bytes +=
      Buffer.byteLength(name) + (value.S !== undefined ? Buffer.byteLength(value.S) : (value.N?.length ?? 1)) + 3;
  }
  if (bytes > MAX_ITEM_BYTES)
    throw invalidEffect(`an item of ${table} would have ${bytes} bytes, over ${MAX_ITEM_BYTES}`);
  return bytes;
}
