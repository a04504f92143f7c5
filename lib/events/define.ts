import type { ZodType, infer as Infer } from 'zod';

/**
 * The definition of an event: the version, the schema of the body, and the AMQP `type`, which is also the routing key.
 */
export interface EventDefinition<T> {
  readonly type: string;
  readonly version: number;
  /** The name of the exchange to which the event is published. */
  readonly exchange: string;
  readonly schema: ZodType<T>;
  /**
   * Returns the key of an event. All events with the same key go to the same shard of a sharded queue, in the order in
   * which they were published.
   */
  key?(data: T): string;
}

export type Payload<E> = E extends EventDefinition<infer T> ? T : never;

/** Defines an event. Never change the schema of a version that has been published; define a new version instead. */
export const defineEvent = <S extends ZodType>(definition: {
  type: string;
  version: number;
  exchange: string;
  schema: S;
  key?: (data: Infer<S>) => string;
}): EventDefinition<Infer<S>> => definition as unknown as EventDefinition<Infer<S>>;
