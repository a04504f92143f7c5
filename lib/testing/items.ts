import type { AttributeValue } from '@aws-sdk/client-dynamodb';

import { addNumbers, compare } from '../dynamodb/compare.ts';
import { holds } from '../dynamodb/conditions.ts';
import { MAX_ITEM_BYTES } from '../dynamodb/item.ts';
import { sizeOfAll, type Attributes } from '../dynamodb/value.ts';
import type { Change, Operation } from '../dynamodb/operation.ts';
import { own } from '../runtime/own.ts';
import { explainCondition, showAttribute, showPlace } from './describe.ts';

/** The items of all tables in the in-memory store, in DynamoDB's notation, by `itemId`. */
export type Items = Map<string, StoredItem>;

interface StoredItem {
  readonly table: string;
  readonly item: Attributes;
}

/** What a commit changed in one item. `undefined` stands for a missing item. */
export interface ItemChange {
  readonly table: string;
  readonly key: Attributes;
  readonly before: Attributes | undefined;
  readonly after: Attributes | undefined;
}

type Applied =
  | { readonly is: 'applied'; readonly changes: readonly ItemChange[] }
  | { readonly is: 'condition'; readonly reason: string }
  | { readonly is: 'refused'; readonly reason: string };

/** Writes all effects of a message to the in-memory items, or none of them, as a DynamoDB transaction does. */
export function applyOperations(operations: readonly Operation[], items: Items): Applied {
  for (const operation of operations) {
    const reason = failedCondition(operation, items.get(operation.id)?.item);
    if (reason !== undefined)
      return { is: 'condition', reason: `${showPlace(operation.table, operation.key)}: ${reason}` };
  }
  const changes: ItemChange[] = [];
  for (const operation of operations) {
    const { table, key, id } = operation;
    const before = items.get(id)?.item;
    const after = written(operation, before);
    if (typeof after === 'string') return { is: 'refused', reason: `${showPlace(table, key)}: ${after}` };
    changes.push({ table, key, before, after });
  }
  for (const [index, { id, table }] of operations.entries()) {
    const { after } = changes[index]!;
    if (after === undefined) items.delete(id);
    else items.set(id, { table, item: after });
  }
  return { is: 'applied', changes };
}

function failedCondition(operation: Operation, item: Attributes | undefined): string | undefined {
  const { key, conditions } = operation;
  const failed = conditions.find((condition) => !holds(condition, item));
  if (failed !== undefined) return explainCondition(failed, key, item);
  if (operation.write !== 'update') return undefined;
  for (const [attribute, change] of operation.changes) {
    if (change.is !== 'add' || change.needs === -Infinity) continue;
    const stored = (item && own(item, attribute)) ?? ZERO;
    const order = compare(stored, { N: String(change.needs) });
    if (order === undefined || order < 0)
      return `${attribute} is ${showAttribute(item?.[attribute])}, and adding ${change.by} must give at least ${change.needs + change.by}`;
  }
  return undefined;
}

const ZERO: AttributeValue = { N: '0' };

function written(operation: Operation, before: Attributes | undefined): Attributes | undefined | string {
  const after = unlimited(operation, before);
  if (typeof after !== 'object') return after;
  const bytes = sizeOfAll(after);
  return bytes > MAX_ITEM_BYTES ? `the item would have ${bytes} bytes, more than ${MAX_ITEM_BYTES}` : after;
}

function unlimited(operation: Operation, before: Attributes | undefined): Attributes | undefined | string {
  if (operation.write === 'put') return operation.item;
  if (operation.write === 'delete') return undefined;
  if (operation.changes.size === 0) return before;
  const after: Attributes = { ...operation.key, ...before };
  for (const [attribute, change] of operation.changes) {
    const value = changed(change, before && own(before, attribute));
    if (typeof value === 'string') return `${attribute} is ${showAttribute(before?.[attribute])}, ${value}`;
    if (value === undefined) delete after[attribute];
    else after[attribute] = value;
  }
  return after;
}

function changed(change: Change, before: AttributeValue | undefined): AttributeValue | undefined | string {
  switch (change.is) {
    case 'set':
      return change.value;
    case 'remove':
      return undefined;
    case 'add': {
      const { N: stored } = before ?? ZERO;
      if (stored === undefined) return 'to which no number can be added';
      const N = addNumbers(stored, String(change.by));
      return N === undefined ? 'and the sum has too many digits' : { N };
    }
    case 'append': {
      const { L: stored } = before ?? { L: [] };
      return stored === undefined ? 'to which no elements can be appended' : { L: [...stored, ...change.elements] };
    }
    case 'include': {
      const stored = before === undefined ? [] : before[change.type];
      if (stored === undefined) return `to which no members of a ${change.type} can be added`;
      const members = [...stored, ...change.members];
      return change.type === 'SS' ? { SS: [...new Set(members)] } : { NS: distinctNumbers(members) };
    }
  }
}

const distinctNumbers = (members: readonly string[]): string[] => [
  ...new Map(members.map((member) => [Number(member), member])).values(),
];
