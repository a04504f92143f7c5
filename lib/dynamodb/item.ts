import { PermanentError } from '../runtime/errors.ts';
import { InvalidValue, requireKeyText, toAttribute, type Attributes } from './value.ts';

export type { Attributes } from './value.ts';

/** The primary key of an item. */
export type Key = Readonly<Record<string, string | number>>;

/**
 * Returns the value of a TTL attribute: the time after which DynamoDB may delete the item, in seconds since the epoch.
 */
export const expiryAfter = (days: number, nowMs: number): string => String(Math.floor(nowMs / 1_000) + days * 86_400);

/**
 * Returns the value of the TTL attribute of the items that hold parts of a record. The parts expire a day after the
 * record, because DynamoDB deletes expired items one by one and in any order.
 */
export const expiryOfParts = (expiryOfRecord: string): string => String(Number(expiryOfRecord) + 86_400);

/**
 * The largest item that DynamoDB accepts, in bytes
 * (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html).
 */
export const MAX_ITEM_BYTES = 400 * 1024;

/**
 * Creates the error for an effect that DynamoDB can never write. The message with this effect is then dead-lettered
 * without a retry.
 */
export const invalidEffect = (message: string, options?: ErrorOptions): PermanentError =>
  new PermanentError('INVALID_EFFECT', message, options);

/**
 * Converts a primary key to DynamoDB's notation. Throws an `InvalidValue` if the key has other attributes or other types
 * than the key of the table.
 */
export function toKey(key: Readonly<Record<string, unknown>>, types: Readonly<Record<string, 'S' | 'N'>>): Attributes {
  const attributes: Attributes = {};
  for (const [position, name] of Object.keys(types).entries()) {
    const type = types[name]!;
    const attribute = key[name] === undefined ? undefined : toAttribute(name, key[name]);
    if (attribute?.[type] === undefined)
      throw new InvalidValue(name, `is missing in the key or is not a ${type === 'S' ? 'string' : 'number'}`);
    if (attribute.S !== undefined) requireKeyText(name, attribute.S, position);
    attributes[name] = attribute;
  }
  for (const name in key)
    if (!Object.hasOwn(types, name)) throw new InvalidValue(name, "is not part of the table's key");
  return attributes;
}

/** Returns a text that identifies an item. Two keys have the same text only if they are the key of the same item. */
export function itemId(table: string, key: Attributes): string {
  const names = Object.keys(key);
  if (names.length > 1) names.sort();
  return JSON.stringify([table, names.map((name) => [name, key[name]])]);
}

const MAX_KEY_LENGTH = 200;

/** Describes an item in an error message: `the item {"id":"17"} of the table invoices`. */
export function describeItem(table: string, key: Attributes): string {
  const values = Object.fromEntries(Object.entries(key).map(([name, { S, N }]) => [name, S ?? Number(N)]));
  return `the item ${JSON.stringify(values).slice(0, MAX_KEY_LENGTH)} of the table ${table}`;
}
