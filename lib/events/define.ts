import type { ZodType, infer as Infer } from 'zod';

/** A published event: its AMQP `type` (which is its routing key too), version, and the schema that its body must fit. */
export interface EventDefinition<T> {
  readonly type: string;
  readonly version: number;
  /** The exchange that it is published to. */
  readonly exchange: string;
  readonly schema: ZodType<T>;
  /** Events of one key go to one shard of a queue, where it is sharded, in the order in which they were published. */
  key?(data: T): string;
}

export type Payload<E> = E extends EventDefinition<infer T> ? T : never;

/** Declares an event; a published version never changes, another shape is another version. */
export const defineEvent = <S extends ZodType>(definition: {
  type: string;
  version: number;
  exchange: string;
  schema: S;
  key?: (data: Infer<S>) => string;
}): EventDefinition<Infer<S>> => definition as unknown as EventDefinition<Infer<S>>;
