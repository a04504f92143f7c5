/** What a broker must have, as data. Everything is durable; every queue is a quorum queue. */
export interface Topology {
  readonly exchanges: readonly Exchange[];
  readonly queues: readonly Queue[];
  readonly bindings: readonly Binding[];
  readonly policies?: readonly QueuePolicy[];
}

/** The kinds of exchange that a topology may have. */
export const exchangeTypes = ['topic', 'direct', 'fanout'] as const;

export interface Exchange {
  readonly name: string;
  readonly type: (typeof exchangeTypes)[number];
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
}

export interface Binding {
  readonly exchange: string;
  readonly queue: string;
  readonly routingKey: string;
}

/** A queue that a consumer works on, and where it places what it could not finish. */
export interface WorkQueue {
  readonly name: string;
  /** Shortest delay first. A message published to a tier with this queue's name as routing key comes back after the delay. */
  readonly retryTiers: readonly RetryTier[];
  readonly deadLetterExchange: string;
}

export interface RetryTier {
  readonly exchange: string;
  readonly delayMs: number;
}
