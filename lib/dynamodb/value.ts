import type { AttributeValue } from '@aws-sdk/client-dynamodb';

import { kindOf } from '../runtime/kind-of.ts';
import { wellFormed } from '../runtime/short-text.ts';

/**
 * A value that an effect can write to a DynamoDB attribute. An array becomes a list, a plain object a map, and a `Set`
 * a string set or number set.
 */
export type Value =
  | string
  | number
  | boolean
  | null
  | readonly Value[]
  | ReadonlySet<string>
  | ReadonlySet<number>
  | { readonly [name: string]: Value | undefined };

/** The attributes of an item in DynamoDB's own notation. */
export type Attributes = Record<string, AttributeValue>;

/** Thrown when DynamoDB cannot store a value. `attribute` is the path of the value, such as `lines[2].price`. */
export class InvalidValue extends Error {
  override readonly name = 'InvalidValue';
  readonly attribute: string;

  constructor(attribute: string, reason: string) {
    super(reason);
    this.attribute = attribute;
  }
}

const LARGEST_NUMBER = 9.99e125;
const SMALLEST_NUMBER = 1e-130;

/** The maximum nesting depth of lists and maps that DynamoDB stores. */
const MAX_DEPTH = 32;

/**
 * Converts a value to DynamoDB's notation. Throws an `InvalidValue` that names `attribute` if DynamoDB cannot store the
 * value.
 */
export function toAttribute(attribute: string, value: unknown, depth = 0): AttributeValue {
  switch (typeof value) {
    case 'string':
      return { S: wellFormed(value) };
    case 'boolean':
      return { BOOL: value };
    case 'number':
      return { N: toNumber(attribute, value) };
    case 'object':
      if (value === null) return { NULL: true };
      return toNested(attribute, value, depth);
  }
  throw new InvalidValue(attribute, `cannot store ${kindOf(value)}; ${ALLOWED}`);
}

const ALLOWED =
  'use a string, a finite number, a boolean, null, an array, a plain object, or a Set of strings or numbers';

function toNumber(attribute: string, value: number): string {
  const size = Math.abs(value);
  if (size <= LARGEST_NUMBER && (size >= SMALLEST_NUMBER || size === 0)) return String(value);
  throw new InvalidValue(attribute, `cannot store the number ${value}; use 0 or a number from 1e-130 to 9.99e125`);
}

function toNested(attribute: string, value: object, depth: number): AttributeValue {
  if (value instanceof Set) return toSet(attribute, value);
  if (depth >= MAX_DEPTH)
    throw new InvalidValue(attribute.slice(0, 100), `is nested more than ${MAX_DEPTH} levels deep, or contains itself`);
  if (Array.isArray(value))
    // Unlike the method `map`, `Array.from` does not skip a missing element.
    return {
      L: Array.from(value as unknown[], (element, index) => toAttribute(`${attribute}[${index}]`, element, depth + 1)),
    };
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    const { name = 'object' } = value.constructor as { readonly name?: string };
    throw new InvalidValue(attribute, `cannot store an instance of ${name}; ${ALLOWED}`);
  }
  return { M: toMap(attribute, value as Readonly<Record<string, unknown>>, depth + 1) };
}

/** Converts the properties of an object to DynamoDB attributes. Leaves out properties with the value `undefined`. */
export function toMap(path: string, object: Readonly<Record<string, unknown>>, depth = 0): Attributes {
  const attributes: Attributes = {};
  for (const name in object) {
    const value = object[name];
    if (value === undefined) continue;
    const attribute = path === '' ? name : `${path}.${name}`;
    const key = path === '' ? attributeName(name) : wellFormed(name);
    if (name === '') throw new InvalidValue(attribute, 'has an empty name; DynamoDB requires at least one character');
    const converted = toAttribute(attribute, value, depth);
    if (key === '__proto__')
      // An assignment would set the prototype of the object.
      Object.defineProperty(attributes, key, {
        value: converted,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    else attributes[key] = converted;
  }
  return attributes;
}

const MAX_NAME_BYTES = 65_535;

/**
 * Returns an attribute name as well-formed Unicode, because DynamoDB accepts nothing else. Throws an `InvalidValue` for
 * a name that DynamoDB or the AWS SDK cannot handle.
 */
export function attributeName(name: string): string {
  if (typeof name !== 'string') throw new InvalidValue('', `names ${kindOf(name)} as the attribute; use a string`);
  if (name === '')
    throw new InvalidValue(name, 'has an attribute without a name; DynamoDB requires at least one character');
  // The AWS SDK loses an attribute with this name when an item is read.
  if (name === '__proto__') throw new InvalidValue(name, 'cannot be stored; use another name');
  if (Buffer.byteLength(name) > MAX_NAME_BYTES)
    throw new InvalidValue(name.slice(0, 100), `has a name of more than ${MAX_NAME_BYTES} bytes`);
  return wellFormed(name);
}

const MAX_KEY_BYTES = { partition: 2_048, sort: 1_024 } as const;

/** Throws an `InvalidValue` if DynamoDB does not accept a text as part of the key of a table or an index. */
export function requireKeyText(attribute: string, text: string, position: number): void {
  const [part, most] = position === 0 ? ['partition', MAX_KEY_BYTES.partition] : ['sort', MAX_KEY_BYTES.sort];
  const bytes = Buffer.byteLength(text);
  if (bytes === 0) throw new InvalidValue(attribute, 'is an empty string, which DynamoDB does not accept in a key');
  if (bytes > most)
    throw new InvalidValue(attribute, `has ${bytes} bytes; DynamoDB accepts at most ${most} bytes in a ${part} key`);
}

function toSet(attribute: string, set: ReadonlySet<unknown>): AttributeValue {
  const members = [...set];
  if (members.length === 0)
    throw new InvalidValue(attribute, 'is an empty Set, which DynamoDB cannot store; leave the attribute out instead');
  if (members.every((member) => typeof member === 'string')) return { SS: [...new Set(members.map(wellFormed))] };
  if (members.every((member) => typeof member === 'number'))
    return { NS: members.map((member) => toNumber(attribute, member)) };
  throw new InvalidValue(attribute, 'is a Set that contains other members than only strings or only numbers');
}

/** Converts a DynamoDB attribute to a plain value. A binary value becomes a `Uint8Array`. */
function fromAttribute({ S, N, BOOL, L, M, SS, NS, B, BS }: AttributeValue): unknown {
  if (S !== undefined) return S;
  if (N !== undefined) return Number(N);
  if (BOOL !== undefined) return BOOL;
  if (L !== undefined) return L.map(fromAttribute);
  if (M !== undefined) return fromAttributes(M);
  if (SS !== undefined) return new Set(SS);
  if (NS !== undefined) return new Set(NS.map(Number));
  return B ?? (BS === undefined ? null : new Set(BS));
}

/** Converts the attributes of a DynamoDB item to plain values. */
export const fromAttributes = (attributes: Attributes): Record<string, unknown> =>
  Object.fromEntries(
    // The AWS SDK reads an attribute named `__proto__` as undefined.
    Object.entries(attributes as Record<string, AttributeValue | undefined>).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, fromAttribute(value)]],
    ),
  );

/**
 * Returns the size of a value in bytes, rounded up, as DynamoDB counts it
 * (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html).
 */
export function sizeOf({ S, N, L, M, SS, NS }: AttributeValue): number {
  if (S !== undefined) return Buffer.byteLength(S) + 3;
  if (N !== undefined) return N.length + 3;
  if (L !== undefined) return L.reduce((sum, element) => sum + sizeOf(element) + 1, 3);
  if (M !== undefined) return 3 + sizeOfAll(M);
  if (SS !== undefined) return SS.reduce((sum, member) => sum + Buffer.byteLength(member) + 1, 3);
  if (NS !== undefined) return NS.reduce((sum, member) => sum + member.length + 1, 3);
  return 4;
}

/** Returns an upper bound, in bytes, of the size that DynamoDB counts for attributes and their names. */
export function sizeOfAll(attributes: Attributes): number {
  let bytes = 0;
  for (const name in attributes) bytes += Buffer.byteLength(name) + 1 + sizeOf(attributes[name]!);
  return bytes;
}
