/** What a broker must have, as data. Everything is durable; every queue is a quorum queue. */
export interface Topology {
  readonly exchanges: readonly Exchange[];
  readonly queues: readonly Queue[];
  readonly bindings: readonly Binding[];
}

export interface Exchange {
  readonly name: string;
  readonly type: 'topic' | 'direct' | 'fanout';
}

export interface Queue {
  readonly name: string;
  /** `x-arguments` but for the queue type and the delivery limit, which depends on the broker's version. */
  readonly arguments: Readonly<Record<string, string | number>>;
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
