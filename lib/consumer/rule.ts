import type { EventDefinition } from '../events/define.ts';
import type { Item, Key } from '../dynamodb/item.ts';
import type { Decision } from '../inbox/decision.ts';
import type { Table } from '../dynamodb/tables.ts';
import type { MessageId } from '../events/message-id.ts';

/** The second argument of a rule. */
export interface RuleContext {
  readonly id: MessageId;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Aborts when the message's time limit is over. */
  readonly signal: AbortSignal;
  /** Reads an item with a strongly consistent read. */
  read(table: Table, key: Key): Promise<Item | undefined>;
}

/** Decides the effects of an event; they are committed exactly once, in one transaction with the message's marker. */
export type Decide<T> = (event: T, context: RuleContext) => Decision | Promise<Decision>;

/**
 * Performs an effect that no transaction can contain, such as a call to another system. One environment at a time runs it for
 * a message. A crash before the message is marked as completed repeats the call, so pass `context.id` as the idempotency key.
 */
export type Perform<T> = (event: T, context: RuleContext) => Promise<void>;

/** The code that processes one type of event. */
export type Rule<T = any> = { readonly event: EventDefinition<T> } & (
  { readonly decide: Decide<T>; readonly perform?: never } | { readonly perform: Perform<T>; readonly decide?: never }
);

/** Pairs an event with its rule, so that the compiler checks the rule's argument against the event. */
export const on = <T>(event: EventDefinition<T>, decide: Decide<T>): Rule<T> => ({ event, decide });
