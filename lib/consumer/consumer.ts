import type { EventDefinition } from '../events/define.ts';
import type { KeyOf } from '../message/ordering-key.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import { withSourcePositions } from '../runtime/stack.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { newBatch, type RemainingTime, newMemory } from './batch.ts';
import type { RabbitMqEvent } from '../message/delivery.ts';
import type { Identify } from '../message/identify.ts';
import { limitsOf, type ConsumerLimits } from './limits.ts';
import { dependenciesOf, type ConsumerDependencies } from './dependencies.ts';
import type { BatchReport } from './report.ts';
import type { Decide, Perform, Rule } from '../message/rule.ts';
import { runBatch } from './run-batch.ts';

/**
 * The definition of a consumer: the queue that the consumer reads, and the business rules for the events in that queue.
 */
export type ConsumerDefinition<T> = ConsumerLimits & {
  readonly queue: WorkQueue;
  /**
   * Returns the ordering key of an event. Messages with the same key are processed one after another, in the order of
   * their arrival. Without `orderBy`, the messages of a batch are processed concurrently.
   */
  readonly orderBy?: KeyOf;
  /**
   * Returns the id, type and version of a message that was not published by Surehop. Needed for messages that have
   * neither a unique `message-id` nor the attributes of a CloudEvent (docs/guides/existing-producers.md).
   */
  readonly identify?: Identify;
} & (
    | { readonly event: EventDefinition<T>; readonly decide: Decide<T> }
    | { readonly event: EventDefinition<T>; readonly perform: Perform<T> }
    | { readonly rules: readonly Rule[] }
  );

/** The Lambda handler of a consumer. */
export interface Consumer<T = any> {
  (event: RabbitMqEvent, context: RemainingTime): Promise<BatchReport>;
  /** The definition of the consumer, from which `surehop/testing` creates an in-memory consumer. */
  readonly definition: ConsumerDefinition<T>;
}

/**
 * Creates the Lambda handler of the consumer of one queue. For each message, the handler commits the effects exactly
 * once, publishes a copy for a retry, or dead-letters the message.
 */
export const consumer = <T>(surehop: Surehop, definition: ConsumerDefinition<T>): Consumer<T> =>
  Object.assign(createConsumer(definition, dependenciesOf(surehop)), { definition });

export function createConsumer<T>(
  definition: ConsumerDefinition<T>,
  dependencies: ConsumerDependencies,
  memory = newMemory(),
) {
  const { queue, orderBy, identify } = definition;
  if (orderBy && !queue.ordered)
    throw new Error(
      `the consumer of the queue ${queue.name} has orderBy, but the queue is not declared as ordered: declare it with workQueue("${queue.name}", { ordered: true })`,
    );
  if (queue.ordered && !orderBy)
    throw new Error(
      `the queue ${queue.name} is declared as ordered, but its consumer has no orderBy: add orderBy to the consumer, or declare the queue without ordered`,
    );
  const rules: readonly Rule[] = 'rules' in definition ? definition.rules : [definition];
  const twice = rules.find(({ event }, index) =>
    rules.slice(0, index).some(({ event: { type, version } }) => type === event.type && version === event.version),
  );
  if (twice)
    throw new Error(
      `the consumer of the queue ${queue.name} has two rules for version ${twice.event.version} of the event ${twice.event.type}: remove one of the two`,
    );
  const limits = limitsOf(definition, queue, dependencies.settings);
  return (event: RabbitMqEvent, context: RemainingTime): Promise<BatchReport> =>
    withSourcePositions(() =>
      runBatch(event, { rules, orderBy, identify }, newBatch(queue, limits, memory, dependencies, context)),
    );
}
