import type { When } from './conditions.ts';
import type { Key } from './item.ts';
import type { AnyTable } from './tables.ts';
import type { Value } from './value.ts';

interface OnItem {
  readonly table: AnyTable;
  readonly key: Key;
}

interface Conditional extends OnItem {
  /**
   * A condition that the stored item must meet before the decision is committed. If the condition fails, the decision
   * in `otherwise` is tried instead.
   */
  readonly when?: When;
}

/** The DynamoDB actions that a consumer needs on a table to commit every kind of effect and to read items. */
export const effectActions = ['ConditionCheckItem', 'DeleteItem', 'GetItem', 'PutItem', 'UpdateItem'] as const;

/** The attributes of an item as plain JavaScript values. */
export type Item = Readonly<Record<string, Value | undefined>>;

/**
 * Adds the whole number `by` to an attribute; a missing attribute counts as 0. If `atLeast` is set, the sum must be at
 * least `atLeast`. Both numbers must be between -2^46 and 2^46.
 */
export interface Add extends Conditional {
  readonly kind: 'add';
  readonly attribute: string;
  readonly by: number;
  readonly atLeast?: number;
}

/** Writes a whole item. An item with the same key is replaced. */
export interface Put extends Conditional {
  readonly kind: 'put';
  readonly item: Item;
}

/** Sets some attributes of an item. An attribute with the value `undefined` is removed. Creates the item if it is missing. */
export interface Set extends Conditional {
  readonly kind: 'set';
  readonly attributes: Item;
}

/** Appends arrays to lists, and adds the members of a `Set` to sets. Creates a missing list, set or item. */
export interface Append extends Conditional {
  readonly kind: 'append';
  readonly attributes: Item;
}

/** Deletes an item. Deleting a missing item changes nothing. */
export interface Delete extends Conditional {
  readonly kind: 'delete';
}

/**
 * An effect that checks an item without changing it. The decision that contains the effect is committed only if the
 * condition holds for the item.
 */
export interface Check extends OnItem {
  readonly kind: 'check';
  readonly when: When;
}

/**
 * A write or a condition that a business rule requests. DynamoDB commits the effect in one transaction with the inbox
 * record of the message. The methods of a table create effects.
 */
export type Effect = Add | Put | Set | Append | Delete | Check;
