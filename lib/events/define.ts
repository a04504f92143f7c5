import type { ZodType, infer as Infer } from 'zod';

/** An event: its AMQP `type`, which is also its routing key, its version, and the schema of its body. */
export interface EventDefinition<T> {
  readonly type: string;
  readonly version: number;
  /** The exchange that the event is published to. */
  readonly exchange: string;
  readonly schema: ZodType<T>;
  /** Events with the same key go to the same shard of a sharded queue, in the order in which they were published. */
  key?(data: T): string;
}

export type Payload<E> = E extends EventDefinition<infer T> ? T : never;

/** Defines an event. The schema of a published version never changes: another schema needs another version. */
export const defineEvent = <S extends ZodType>(definition: {
  type: string;
  version: number;
  exchange: string;
  schema: S;
  key?: (data: Infer<S>) => string;
}): EventDefinition<Infer<S>> => definition as unknown as EventDefinition<Infer<S>>;
