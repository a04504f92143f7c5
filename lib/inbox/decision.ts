import type { EventDefinition, Payload } from '../events/define.ts';
import type { Item, Key } from '../dynamodb/item.ts';
import type { Table } from '../dynamodb/tables.ts';

/**
 * Adds `by` to a numeric attribute. A missing item or attribute counts as 0. If `atLeast` is set, the addition is allowed
 * only if the sum is at least `atLeast`. `by` and `atLeast` must be whole numbers between -2^46 and 2^46: a JavaScript
 * number is exact only up to 2^53, and many additions may be summed.
 */
export interface Add {
  readonly kind: 'add';
  readonly table: Table;
  readonly key: Key;
  readonly attribute: string;
  readonly by: number;
  readonly atLeast?: number;
}

/**
 * Writes a whole item. If `when` is `absent`, the item must not exist yet; if `when` names an attribute, the stored item
 * must have the given value in this attribute.
 */
export interface Put {
  readonly kind: 'put';
  readonly table: Table;
  readonly key: Key;
  readonly item: Item;
  readonly when?: 'absent' | { readonly attribute: string; readonly equals: string | number | boolean };
}

/**
 * A write that a business rule requests. DynamoDB commits the write in one transaction with the inbox record of the
 * message.
 */
export type Effect = Add | Put;

/** An event that is published after the commit. */
export interface FollowUp<T = unknown> {
  readonly event: EventDefinition<T>;
  readonly data: T;
}

/**
 * The result of a business rule. Either all effects of the decision are written or none. If a condition of an effect
 * fails, `otherwise` is carried out instead.
 */
export interface Decision {
  readonly effects: readonly Effect[];
  readonly events?: readonly FollowUp[];
  readonly otherwise?: Alternative;
}

/** What to write instead if a condition of the decision fails. */
export interface Alternative extends Decision {
  readonly outcome: 'rejected' | 'completed';
  readonly reason: string;
}

/** Pairs an event with its data. The compiler then checks the data against the event. */
export const emit = <E extends EventDefinition<any>>(event: E, data: Payload<E>): FollowUp => ({ event, data });
