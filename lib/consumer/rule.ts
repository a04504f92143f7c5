import type { EventDefinition } from '../events/define.ts';
import type { Item, Key } from '../dynamodb/item.ts';
import type { Decision } from '../inbox/decision.ts';
import type { Table } from '../dynamodb/tables.ts';
import type { MessageId } from '../events/message-id.ts';

/** What a rule may know and use besides its event. */
export interface RuleContext {
  readonly id: MessageId;
  /** 1 is the first. */
  readonly attempt: number;
  /** Aborted when the message's time is up. */
  readonly signal: AbortSignal;
  /** An item as it is now, strongly consistent. */
  read(table: Table, key: Key): Promise<Item | undefined>;
}

/** Says what is to be done for an event: the effects happen exactly once, with the message's marker, in one transaction. */
export type Decide<T> = (event: T, context: RuleContext) => Decision | Promise<Decision>;

/**
 * Does what no transaction can hold, such as a call to another system. It runs under a lease that no other environment
 * holds; a crash between the call and its completion repeats the call, so pass `context.id` on as idempotency key.
 */
export type Perform<T> = (event: T, context: RuleContext) => Promise<void>;

/** What to do with one kind of event. */
export type Rule<T = any> = { readonly event: EventDefinition<T> } & (
  { readonly decide: Decide<T>; readonly perform?: never } | { readonly perform: Perform<T>; readonly decide?: never }
);

/** Binds an event to its rule, so that the compiler checks one against the other. */
export const on = <T>(event: EventDefinition<T>, decide: Decide<T>): Rule<T> => ({ event, decide });
