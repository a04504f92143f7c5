/**
 * The exchanges, queues, bindings and policies that a broker must have. All of them are durable, and every queue is a
 * quorum queue.
 */
export interface Topology {
  readonly exchanges: readonly Exchange[];
  readonly queues: readonly Queue[];
  readonly bindings: readonly Binding[];
  readonly policies?: readonly QueuePolicy[];
}

export const exchangeTypes = ['topic', 'direct', 'fanout', 'x-consistent-hash'] as const;

export interface Exchange {
  readonly name: string;
  readonly type: (typeof exchangeTypes)[number];
  readonly arguments?: Readonly<Record<string, string>>;
}

export interface Queue {
  readonly name: string;
  /**
   * The arguments of the queue, without the queue type, which is always `quorum`, and without the delivery limit, which
   * depends on the broker's version.
   */
  readonly arguments: Readonly<Record<string, string | number>>;
}

/**
 * A RabbitMQ policy for queues. Unlike queue arguments, a policy can be changed later. A queue follows only the
 * matching policy with the highest priority.
 */
export interface QueuePolicy {
  readonly name: string;
  /** The names of the queues to which the broker applies the settings of the policy. */
  readonly queues: readonly string[];
  readonly priority: number;
  /** The settings of the policy, without the delivery limit, which depends on the broker's version. */
  readonly definition: Readonly<Record<string, string | number>>;
  /**
   * The shortest and the longest time that a requeued message waits before RabbitMQ 4.3 or later redelivers it, in ms.
   * Later messages overtake the waiting message, so an ordered queue must not have this setting.
   */
  readonly delayedRetry?: { readonly minMs: number; readonly maxMs: number };
}

/** A binding, which routes messages with `routingKey` from `exchange` to a queue or to another exchange. */
export type Binding = { readonly exchange: string; readonly routingKey: string } & (
  { readonly queue: string } | { readonly toExchange: string }
);

/**
 * A work queue: the queue that a consumer reads, with the delay queues and the dead-letter exchange for copies of
 * failed messages.
 */
export interface WorkQueue {
  readonly name: string;
  /** The names of the queues on the broker that form this work queue: a single queue, or several shards. */
  readonly shards: readonly string[];
  /**
   * Whether the consumer of the queue has the option `orderBy`, and therefore processes messages with the same ordering
   * key in order.
   */
  readonly ordered: boolean;
  /** The exchange that distributes new messages to the shards. Absent if the queue has a single shard. */
  readonly ring?: Ring;
  /** The delay queue for each retry, shortest delay first. A message that fails after the last retry is dead-lettered. */
  readonly delays: readonly DelayQueue[];
  readonly deadLetterExchange: string;
  /** The bindings that route new messages to the shards. */
  readonly bindings: readonly Binding[];
}

/**
 * A queue that delays messages and has no consumers. After the delay, the broker moves each message to the queue that
 * the routing key of the message names.
 */
export interface DelayQueue {
  readonly name: string;
  readonly delayMs: number;
}

/**
 * A consistent-hash exchange, which distributes the keys of messages evenly over the shards and routes all messages
 * with the same key to one shard.
 */
export interface Ring {
  readonly exchange: string;
  /** The name of the alternate exchange, which receives the messages that the consistent-hash exchange cannot route. */
  readonly unrouted: string;
  /** The names of the shards that receive new messages. */
  readonly shards: readonly string[];
}

export const destinationOf = (binding: Binding): { readonly type: 'queue' | 'exchange'; readonly name: string } =>
  'queue' in binding ? { type: 'queue', name: binding.queue } : { type: 'exchange', name: binding.toExchange };

export const isSameBinding = (one: Binding, other: Binding): boolean =>
  isSameRoute(one, other) &&
  destinationOf(one).type === destinationOf(other).type &&
  destinationOf(one).name === destinationOf(other).name;

/**
 * Whether two bindings have the same exchange and the same routing key. The destinations of the two bindings may
 * differ.
 */
export const isSameRoute = (one: Binding, other: Binding): boolean =>
  one.exchange === other.exchange && one.routingKey === other.routingKey;

export const describeBinding = (binding: Binding): string => {
  const { type, name } = destinationOf(binding);
  const key = binding.routingKey && ` [${binding.routingKey}]`;
  return `binding ${binding.exchange} → ${type === 'exchange' ? 'exchange ' : ''}${name}${key}`;
};
