/** The exchanges, queues, bindings and policies that a broker must have. All are durable, and every queue is a quorum queue. */
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
  /** Queue arguments except the queue type and the delivery limit, which depends on the broker's version. */
  readonly arguments: Readonly<Record<string, string | number>>;
}

/**
 * Settings of queues that can be changed later. A queue follows only the matching policy of the highest priority, so this
 * policy also keeps others away. A policy's overflow and delivery limit take precedence over the queue's arguments.
 */
export interface QueuePolicy {
  readonly name: string;
  /** The names of the queues that follow the policy. */
  readonly queues: readonly string[];
  readonly priority: number;
  /** The policy's settings except the delivery limit, which depends on the broker's version. */
  readonly definition: Readonly<Record<string, string | number>>;
  /**
   * How long a returned message waits before it is delivered again, in ms (RabbitMQ 4.3 and later). Later messages overtake
   * the waiting message, so a queue that keeps order per key must not have this setting.
   */
  readonly delayedRetry?: { readonly minMs: number; readonly maxMs: number };
}

/** Routes messages with the routing key from `exchange` to a queue or to another exchange. */
export type Binding = { readonly exchange: string; readonly routingKey: string } & (
  { readonly queue: string } | { readonly toExchange: string }
);

/** A queue with a consumer, and where the consumer sends copies of messages that failed. */
export interface WorkQueue {
  readonly name: string;
  /** The broker's queues behind this name, each read by an event source of its own: one queue, or several that share the keys. */
  readonly shards: readonly string[];
  /** Whether the consumer processes messages of one key in the order of their arrival (its `orderBy`). */
  readonly ordered: boolean;
  /** Spreads new messages over the shards; absent if the queue has a single shard. */
  readonly ring?: Ring;
  /** The delay queue of each retry, shortest delay first. A message that fails after the last one is dead-lettered. */
  readonly delays: readonly DelayQueue[];
  readonly deadLetterExchange: string;
  /** Everything that routes new messages to the shards. */
  readonly bindings: readonly Binding[];
}

/**
 * A queue without consumers, behind a fanout exchange of the same name. When a message has waited for the delay, the broker
 * moves it to the queue that its routing key names.
 */
export interface DelayQueue {
  readonly name: string;
  readonly delayMs: number;
}

/** A consistent-hash exchange: it routes each key to one shard, and about as many keys to every shard. */
export interface Ring {
  readonly exchange: string;
  /** The alternate exchange, which routes to the first shard any message that the ring cannot route. */
  readonly unrouted: string;
  /** The shards that get new messages. */
  readonly shards: readonly string[];
}

export const destinationOf = (binding: Binding): { readonly type: 'queue' | 'exchange'; readonly name: string } =>
  'queue' in binding ? { type: 'queue', name: binding.queue } : { type: 'exchange', name: binding.toExchange };

export const isSameBinding = (one: Binding, other: Binding): boolean =>
  isSameRoute(one, other) &&
  destinationOf(one).type === destinationOf(other).type &&
  destinationOf(one).name === destinationOf(other).name;

/** Whether both bindings match the same messages, regardless of the destination. */
export const isSameRoute = (one: Binding, other: Binding): boolean =>
  one.exchange === other.exchange && one.routingKey === other.routingKey;

export const describeBinding = (binding: Binding): string => {
  const { type, name } = destinationOf(binding);
  const key = binding.routingKey && ` [${binding.routingKey}]`;
  return `binding ${binding.exchange} → ${type === 'exchange' ? 'exchange ' : ''}${name}${key}`;
};
