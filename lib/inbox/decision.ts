import type { EventDefinition, Payload } from '../events/define.ts';
import type { Item, Key } from '../dynamodb/item.ts';
import type { Table } from '../dynamodb/tables.ts';

/**
 * Adds `by` to a numeric attribute. A missing item or attribute counts as 0. With `atLeast`, the condition fails if the sum is
 * smaller. `by` and `atLeast` must be whole numbers between -2^46 and 2^46, so that sums over many messages are exact. DynamoDB
 * stores 38 digits; a JavaScript number is exact up to 2^53.
 */
export interface Add {
  readonly kind: 'add';
  readonly table: Table;
  readonly key: Key;
  readonly attribute: string;
  readonly by: number;
  readonly atLeast?: number;
}

/** Writes a whole item. With `when`, only if there is no such item, or if an attribute of the item has this value. */
export interface Put {
  readonly kind: 'put';
  readonly table: Table;
  readonly key: Key;
  readonly item: Item;
  readonly when?: 'absent' | { readonly attribute: string; readonly equals: string | number | boolean };
}

/** A write that commits together with the message's marker. */
export type Effect = Add | Put;

/** An event that is published after the commit. */
export interface FollowUp<T = unknown> {
  readonly event: EventDefinition<T>;
  readonly data: T;
}

/** The result of a business rule: all effects are written, or none. If a condition fails, `otherwise` is carried out instead. */
export interface Decision {
  readonly effects: readonly Effect[];
  readonly events?: readonly FollowUp[];
  readonly otherwise?: Alternative;
}

/** The decision for the case that a condition fails. */
export interface Alternative extends Decision {
  readonly outcome: 'rejected' | 'completed';
  readonly reason: string;
}

/** Pairs an event with its data, so that the compiler checks the data. */
export const emit = <E extends EventDefinition<any>>(event: E, data: Payload<E>): FollowUp => ({ event, data });
