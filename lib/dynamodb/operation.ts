import type { AttributeValue } from '@aws-sdk/client-dynamodb';

import { toConditions, type Condition } from './conditions.ts';
import type { Effect, Item } from './effects.ts';
import { describeItem, invalidEffect, itemId, MAX_ITEM_BYTES, toKey } from './item.ts';
import { isEqual } from './compare.ts';
import { kindOf } from '../runtime/kind-of.ts';
import { attributeName, InvalidValue, sizeOf, sizeOfAll, toAttribute, toMap, type Attributes } from './value.ts';

/** What a write does to one attribute of a DynamoDB item. */
export type Change =
  /** Adds the number `by` to the stored number. The write fails if the stored number is less than `needs`. */
  | { readonly is: 'add'; readonly by: number; readonly needs: number }
  | { readonly is: 'set'; readonly value: AttributeValue }
  | { readonly is: 'remove' }
  | { readonly is: 'append'; readonly elements: readonly AttributeValue[] }
  | { readonly is: 'include'; readonly type: 'SS' | 'NS'; readonly members: readonly string[] };

/** What one decision writes to one DynamoDB item. A write without changes only checks its conditions. */
export type Operation = {
  readonly id: string;
  readonly table: string;
  readonly key: Attributes;
  readonly conditions: readonly Condition[];
} & (
  | { readonly write: 'put'; readonly item: Attributes }
  | { readonly write: 'delete' }
  | { readonly write: 'update'; readonly changes: ReadonlyMap<string, Change> }
);

const MAX_ADDITION = 2 ** 46;

/**
 * Merges two changes of one attribute into one change with the same result. Returns `undefined` if the two changes
 * cannot be merged.
 */
export function mergeChanges(one: Change, other: Change): Change | undefined {
  switch (one.is) {
    case 'add':
      if (other.is !== 'add') return undefined;
      return { is: 'add', by: one.by + other.by, needs: Math.max(one.needs, other.needs - one.by) };
    case 'set':
    case 'remove':
      return other.is === 'set' || other.is === 'remove' ? other : undefined;
    case 'append':
      return other.is === 'append' ? { is: 'append', elements: [...one.elements, ...other.elements] } : undefined;
    case 'include':
      if (other.is !== 'include' || other.type !== one.type) return undefined;
      return { ...one, members: [...new Set([...one.members, ...other.members])] };
  }
}

const wholeNumber = (attribute: string, value: number): number => {
  if (Number.isInteger(value) && Math.abs(value) <= MAX_ADDITION) return value;
  throw new InvalidValue(attribute, `cannot add or compare ${value}; use a whole number between -2^46 and 2^46`);
};

function withoutKey(attributes: Item, key: Attributes): Item {
  // Without TypeScript, a rule can omit the attributes.
  if (kindOf(attributes) !== 'an object')
    throw new InvalidValue('', `needs an object with attributes, not ${kindOf(attributes)}`);
  const repeated = Object.keys(key).filter((name) => Object.hasOwn(attributes, name));
  if (repeated.length === 0) return attributes;
  for (const name of repeated) {
    const value = attributes[name];
    if (value !== undefined && !isEqual(toAttribute(name, value), key[name]!))
      throw new InvalidValue(name, 'is part of the key, which an effect cannot change');
  }
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !Object.hasOwn(key, name)));
}

function toChanges(effect: Effect, key: Attributes): Map<string, Change> {
  switch (effect.kind) {
    case 'add': {
      const { by, atLeast } = effect;
      const attribute = attributeName(effect.attribute);
      if (Object.hasOwn(key, attribute))
        throw new InvalidValue(attribute, 'is part of the key, which an effect cannot change');
      effect.table.requireAttribute(attribute);
      const needs = atLeast === undefined ? -Infinity : wholeNumber(attribute, atLeast) - by;
      return new Map<string, Change>().set(attribute, { is: 'add', by: wholeNumber(attribute, by), needs });
    }
    case 'set': {
      const attributes = withoutKey(effect.attributes, key);
      effect.table.validate(attributes, false);
      const changes = Object.entries(attributes).map(([name, value]): [string, Change] => [
        attributeName(name),
        value === undefined ? { is: 'remove' } : { is: 'set', value: toAttribute(name, value) },
      ]);
      if (changes.length === 0) throw new InvalidValue('', 'sets no attribute');
      return new Map(changes);
    }
    case 'append': {
      const attributes = withoutKey(effect.attributes, key);
      effect.table.validate(attributes, false);
      const changes = Object.entries(toMap('', attributes)).map(([name, { L, SS, NS }]): [string, Change] => {
        if (L !== undefined) return [name, { is: 'append', elements: L }];
        if (SS !== undefined) return [name, { is: 'include', type: 'SS', members: SS }];
        if (NS !== undefined) return [name, { is: 'include', type: 'NS', members: NS }];
        throw new InvalidValue(name, 'is neither an array nor a Set, so nothing can be appended');
      });
      if (changes.length === 0) throw new InvalidValue('', 'appends to no attribute');
      return new Map(changes);
    }
    default:
      return new Map();
  }
}

function compile(effect: Effect, id: string, key: Attributes): Operation {
  const { kind } = effect;
  const table = effect.table.name;
  const conditions = effect.when === undefined ? NONE : toConditions(effect.when, Object.keys(key)[0]!);
  switch (kind) {
    case 'add':
    case 'set':
    case 'append':
      return { id, table, key, conditions, write: 'update', changes: toChanges(effect, key) };
    case 'put': {
      const item = withoutKey(effect.item, key);
      effect.table.validate(item, true);
      return { id, table, key, conditions, write: 'put', item: { ...toMap('', item), ...key } };
    }
    case 'delete':
      return { id, table, key, conditions, write: 'delete' };
    case 'check':
      if (conditions.length === 0) throw new InvalidValue('', 'checks no condition');
      return { id, table, key, conditions, write: 'update', changes: new Map() };
    default:
      throw new InvalidValue('', `has the unknown kind ${String(kind)}`);
  }
}

const NONE: readonly Condition[] = [];

function combine(one: Operation, other: Operation): Operation {
  const conditions = [...one.conditions, ...other.conditions];
  if (isCheck(other)) return { ...one, conditions };
  if (isCheck(one)) return { ...other, conditions };
  if (one.write !== 'update' || other.write !== 'update')
    throw new InvalidValue('', 'cannot be combined with another write of the same decision to the same item');
  const changes = new Map(one.changes);
  for (const [attribute, change] of other.changes) {
    const earlier = changes.get(attribute);
    const merged =
      earlier === undefined ? change : earlier.is === change.is ? mergeChanges(earlier, change) : undefined;
    if (merged === undefined || (earlier !== undefined && (merged.is === 'set' || merged.is === 'remove')))
      throw new InvalidValue(attribute, 'is written twice by the same decision');
    if (merged.is === 'add') wholeNumber(attribute, merged.by);
    changes.set(attribute, merged);
  }
  return { ...one, conditions, changes };
}

const NO_CHANGES: ReadonlyMap<string, Change> = new Map();

/** Returns the changes of single attributes. Returns none for an operation that writes or deletes a whole item. */
export const changesOf = (operation: Operation): ReadonlyMap<string, Change> =>
  operation.write === 'update' ? operation.changes : NO_CHANGES;

export const isCheck = (operation: Operation): boolean => operation.write === 'update' && operation.changes.size === 0;

/**
 * Converts an effect to an operation on a DynamoDB item, and adds it to the operations of the decision. Throws
 * `INVALID_EFFECT` if DynamoDB could never accept the effect.
 */
export function addOperation(effect: Effect, operations: Map<string, Operation>): void {
  if (kindOf(effect) !== 'an object')
    throw invalidEffect(`an effect is ${kindOf(effect)}; create the effect with a method of a table`);
  const { table, kind } = effect;
  // Without TypeScript, a misspelt table reads as undefined.
  if (typeof (table as typeof table | undefined)?.name !== 'string')
    throw invalidEffect(`an effect of kind ${kind} names no table`);
  let key: Attributes | undefined;
  try {
    // Without TypeScript, the key can be missing.
    key = toKey(effect.key ?? {}, table.key);
    const id = itemId(table.name, key);
    const earlier = operations.get(id);
    const operation = compile(effect, id, key);
    const combined = earlier === undefined ? operation : combine(earlier, operation);
    requireSize(combined);
    operations.set(id, combined);
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    const attribute = error.attribute === '' ? '' : `: the attribute ${error.attribute}`;
    const at = key === undefined ? `the table ${table.name}` : describeItem(table.name, key);
    throw invalidEffect(`${kind} on ${at}${attribute} ${error.message}`, { cause: error });
  }
}

const ADDITION_BYTES = 64;
const KEY_BYTES = 100;

const changeBytes = (attribute: string, change: Change): number => {
  const bytes = Buffer.byteLength(attribute);
  switch (change.is) {
    case 'add':
      return bytes + ADDITION_BYTES;
    case 'set':
      return bytes + sizeOf(change.value);
    case 'remove':
      return bytes;
    case 'append':
      return bytes + sizeOf({ L: change.elements as AttributeValue[] });
    case 'include':
      return bytes + sizeOf({ SS: change.members as string[] });
  }
};

/** Returns the estimated number of bytes that an operation contributes to a transaction, rounded up. */
export function operationBytes(operation: Operation): number {
  let bytes = KEY_BYTES + sizeOfAll(operation.key);
  for (const { operands } of operation.conditions) for (const operand of operands) bytes += sizeOf(operand);
  if (operation.write === 'put') bytes += sizeOfAll(operation.item);
  if (operation.write === 'update')
    for (const [attribute, change] of operation.changes) bytes += changeBytes(attribute, change);
  return bytes;
}

function requireSize(operation: Operation): void {
  const bytes = operationBytes(operation);
  if (bytes > MAX_ITEM_BYTES)
    throw new InvalidValue('', `would write ${bytes} bytes; a DynamoDB item holds at most ${MAX_ITEM_BYTES}`);
  let operands = operation.conditions.length;
  for (const condition of operation.conditions) operands += condition.operands.length;
  const changes = operation.write === 'update' ? operation.changes.size : 0;
  if (expressionLength(changes, operands) > MAX_EXPRESSION_LENGTH)
    throw new InvalidValue('', 'has more changes and conditions than fit into one DynamoDB expression (about 60)');
}

/**
 * The maximum estimated length of a DynamoDB expression, in characters. The estimate leaves a margin below the limit of
 * DynamoDB, 4,096 bytes (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html).
 */
export const MAX_EXPRESSION_LENGTH = 4_000;

export const expressionLength = (changes: number, conditionsAndOperands: number): number =>
  changes * CHANGE_LENGTH + conditionsAndOperands * CONDITION_LENGTH;

const CHANGE_LENGTH = 60;
const CONDITION_LENGTH = 35;
