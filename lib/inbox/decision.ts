import type { EventDefinition, Payload } from '../events/define.ts';
import type { Effect } from '../dynamodb/effects.ts';

/** An event that is published after the decision of a business rule is committed. */
export interface FollowUp<T = unknown> {
  readonly event: EventDefinition<T>;
  readonly data: T;
}

/**
 * The result of a business rule. Its effects are written all together or not at all. If a condition of an effect fails,
 * the decision in `otherwise` is committed instead.
 */
export interface Decision {
  readonly effects: readonly Effect[];
  readonly events?: readonly FollowUp[];
  readonly otherwise?: Alternative;
  /** `rejected` if the business rule rejects the message. The default is `completed`. */
  readonly outcome?: 'rejected' | 'completed';
  /**
   * The reason for the decision, for example why the business rule rejects the message. The inbox marker of the message
   * stores the reason.
   */
  readonly reason?: string;
}

/** The decision that is committed instead if a condition of this decision fails. */
export interface Alternative extends Decision {
  readonly outcome: 'rejected' | 'completed';
  readonly reason: string;
}

/** Returns a decision that rejects the message. The effects and events of the rejection are optional. */
export const reject = (
  reason: string,
  { effects = [], events }: Partial<Pick<Decision, 'effects' | 'events'>> = {},
): Alternative => ({ outcome: 'rejected', reason, effects, events });

/** Pairs an event with data. The compiler then checks the data against the definition of the event. */
export const emit = <E extends EventDefinition<any>>(event: E, data: Payload<E>): FollowUp => ({ event, data });
