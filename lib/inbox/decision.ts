import type { EventDefinition, Payload } from '../events/define.ts';
import type { Item, Key } from '../dynamodb/item.ts';
import type { Table } from '../dynamodb/tables.ts';

/**
 * Adds `by` to a number; a missing item or attribute counts as 0. With `atLeast` the sum may not fall below it, or the
 * condition has failed. Additions of many messages to one attribute are summed, exactly: `by` and `atLeast` are whole
 * numbers from -2^46 to 2^46. The counter itself may grow to 38 digits; read as a JavaScript number it is exact up to 2^53.
 */
export interface Add {
  readonly kind: 'add';
  readonly table: Table;
  readonly key: Key;
  readonly attribute: string;
  readonly by: number;
  readonly atLeast?: number;
}

/** Writes a whole item, key included. With `when` only if there is none yet, or if an attribute of it has this value. */
export interface Put {
  readonly kind: 'put';
  readonly table: Table;
  readonly key: Key;
  readonly item: Item;
  readonly when?: 'absent' | { readonly attribute: string; readonly equals: string | number | boolean };
}

/** A change to the store that commits together with the message's marker. `table` is one of `defineTables`. */
export type Effect = Add | Put;

/** An event to publish after the commit. */
export interface FollowUp<T = unknown> {
  readonly event: EventDefinition<T>;
  readonly data: T;
}

/** What a rule wants done, as data. All effects happen, or none; where a condition fails, `otherwise` is done instead. */
export interface Decision {
  readonly effects: readonly Effect[];
  readonly events?: readonly FollowUp[];
  readonly otherwise?: Alternative;
}

/** What is done where a condition failed: a business rejection, unless it says that this too completes the message. */
export interface Alternative extends Decision {
  readonly outcome: 'rejected' | 'completed';
  readonly reason: string;
}

/** Binds an event to its data, so that the compiler checks one against the other. */
export const emit = <E extends EventDefinition<any>>(event: E, data: Payload<E>): FollowUp => ({ event, data });
