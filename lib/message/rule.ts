import type { ReadItem } from '../dynamodb/read-item.ts';
import type { EventDefinition } from '../events/define.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Decision } from '../inbox/decision.ts';

/** The context that a business rule receives as its second argument. */
export interface RuleContext {
  readonly id: MessageId;
  /** The number of the attempt to process the message, starting at 1. */
  readonly attempt: number;
  /** This signal aborts when the business rule exceeds the time limit of the message. */
  readonly signal: AbortSignal;
  /** Reads a DynamoDB item with a strongly consistent read. */
  readonly read: ReadItem;
}

/**
 * Decides what an event changes. The effects of the decision are committed exactly once, in one DynamoDB transaction
 * with the inbox marker of the message.
 */
export type Decide<T> = (event: T, context: RuleContext) => Decision | Promise<Decision>;

/**
 * Performs an effect outside DynamoDB, such as a call to another system, and may return a decision. One Lambda
 * execution environment at a time calls this function for a message, provided that the function stops when
 * `context.signal` aborts. After a crash it may be called again: pass `context.id` to the other system as the idempotency
 * key.
 */
export type Perform<T> = (event: T, context: RuleContext) => Promise<Decision | void>;

/** The business rule that processes one type of event. */
export type Rule<T = any> = { readonly event: EventDefinition<T> } & (
  { readonly decide: Decide<T>; readonly perform?: never } | { readonly perform: Perform<T>; readonly decide?: never }
);

/**
 * Pairs an event with its business rule. The business rule is either a `decide` function or an object with a `perform`
 * function. The compiler checks that the business rule accepts the data of the event.
 */
export const on = <T>(event: EventDefinition<T>, rule: Decide<T> | { readonly perform: Perform<T> }): Rule<T> =>
  typeof rule === 'function' ? { event, decide: rule } : { event, perform: rule.perform };
