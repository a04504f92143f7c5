/** What a broker must have, as data. Everything is durable; every queue is a quorum queue. */
export interface Topology {
  readonly exchanges: readonly Exchange[];
  readonly queues: readonly Queue[];
  readonly bindings: readonly Binding[];
  readonly policies?: readonly QueuePolicy[];
}

/** The kinds of exchange that a topology may have. */
export const exchangeTypes = ['topic', 'direct', 'fanout', 'x-consistent-hash'] as const;

export interface Exchange {
  readonly name: string;
  readonly type: (typeof exchangeTypes)[number];
  readonly arguments?: Readonly<Record<string, string>>;
}

export interface Queue {
  readonly name: string;
  /** `x-arguments` but for the queue type and the delivery limit, which depends on the broker's version. */
  readonly arguments: Readonly<Record<string, string | number>>;
}

/**
 * Settings that can be changed later, and that keep other policies away: a queue follows one policy only, that of the
 * highest priority, and where both say it a policy's overflow and delivery limit beat the queue's own arguments.
 */
export interface QueuePolicy {
  readonly name: string;
  /** The names of the queues that follow it. */
  readonly queues: readonly string[];
  readonly priority: number;
  /** But for the delivery limit, which depends on the broker's version. */
  readonly definition: Readonly<Record<string, string | number>>;
  /**
   * How long a returned message waits before it is delivered again, in ms, from RabbitMQ 4.3 on; earlier brokers deliver it
   * at once. Younger messages pass it, so not for queues that keep order per key.
   */
  readonly delayedRetry?: { readonly minMs: number; readonly maxMs: number };
}

/** What `exchange` gets under the routing key goes on to a queue, or to another exchange. */
export type Binding = { readonly exchange: string; readonly routingKey: string } & (
  { readonly queue: string } | { readonly toExchange: string }
);

/** A queue that a consumer works on, and where it places what it could not finish. */
export interface WorkQueue {
  readonly name: string;
  /** The broker's queues that it consists of, an event source reads each: one, of its own name, or several that share the keys. */
  readonly shards: readonly string[];
  /** Whether messages of one key are processed in the order of their arrival: its consumer has `orderBy`, and each shard one environment. */
  readonly ordered: boolean;
  /** What spreads new messages over the shards; not there where nothing is to spread. */
  readonly ring?: Ring;
  /** Shortest delay first. A message published to a tier with a shard's name as routing key comes back to it after the delay. */
  readonly delays: readonly DelayQueue[];
  readonly deadLetterExchange: string;
}

/** A quorum queue, and the exchange of the same name in front of it, from which a message returns to its work queue after the delay. */
export interface DelayQueue {
  readonly name: string;
  readonly delayMs: number;
}

/** An exchange that gives each key to one shard, and every shard about as many keys. */
interface Ring {
  readonly exchange: string;
  /** Takes what the ring knows no shard for, to the first shard. */
  readonly unrouted: string;
  /** Those of the shards that get new messages. */
  readonly shards: readonly string[];
}
