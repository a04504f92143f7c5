import { parseDelays } from './delays.ts';
import { ringBindings, ringExchanges, routeTo, shardsOf, type Sharding } from './shards.ts';
import type { DelayQueue, Queue, QueuePolicy, Topology, WorkQueue } from './topology.ts';

/** The name of the exchange and of the queue that receive all dead letters. */
export const DEAD_LETTERS = 'dead-letters';

/**
 * The maximum number of messages that a queue may contain. A full queue rejects new messages; it never drops messages
 * that it already contains.
 */
const MAX_LENGTH = 500_000;

const DEFAULT_DELAYS = ['1s', '2s', '4s'];

interface WorkQueueOptions extends Sharding {
  /**
   * For each topic exchange, the routing keys of the messages that the queue receives, such as
   * `{ billing: ['invoice.paid'] }`.
   */
  readonly bindings?: Readonly<Record<string, readonly string[]>>;
  /**
   * How long a failed message waits before each retry, such as `['10s', '1m']`. A message that fails after the last retry
   * is dead-lettered.
   */
  readonly delays?: readonly string[];
  /**
   * Whether the consumer of the queue has the option `orderBy` and therefore processes messages with the same ordering
   * key in order.
   */
  readonly ordered?: boolean;
}

/**
 * Declares a work queue, which a consumer reads. If one consumer cannot keep up, set `shards` to divide the messages
 * among several queues (docs/adr/008-sharded-queues.md).
 */
export function workQueue(
  name: string,
  { bindings = {}, delays = DEFAULT_DELAYS, ordered = false, ...sharding }: WorkQueueOptions = {},
): WorkQueue {
  const sharded = shardsOf(name, sharding);
  const routes = Object.entries(bindings).flatMap(([exchange, keys]) =>
    keys.map((key) => routeTo({ name, ...sharded }, exchange, key)),
  );
  return {
    name,
    ...sharded,
    ordered,
    delays: parseDelays(name, delays),
    deadLetterExchange: DEAD_LETTERS,
    bindings: [...ringBindings({ name, ...sharded }), ...routes],
  };
}

/**
 * Returns the topology of a service with the work queues `queues`: their exchanges and delay queues, the dead-letter
 * queue, and the policies.
 */
export function defineTopology(queues: Readonly<Record<string, WorkQueue>>): Topology {
  const workQueues = Object.values(queues);
  const shards = workQueues.flatMap((queue) => queue.shards);
  const delays = delaysOf(workQueues);
  const rings = workQueues.flatMap(ringExchanges);
  const bindings = workQueues.flatMap((queue) => queue.bindings);
  const topics = new Set(workQueues.flatMap(topicsOf));
  requireUnique('queue', [...shards, ...delays.map(({ name }) => name), DEAD_LETTERS]);
  requireUnique('exchange', [
    ...topics,
    DEAD_LETTERS,
    ...delays.map(({ name }) => name),
    ...rings.map(({ name }) => name),
  ]);
  return {
    exchanges: [
      ...[...topics].map((name) => ({ name, type: 'topic' as const })),
      { name: DEAD_LETTERS, type: 'fanout' },
      ...delays.map(({ name }) => ({ name, type: 'fanout' as const })),
      ...rings,
    ],
    queues: [
      ...shards.map((name) => ({ name, arguments: { ...bounded, ...deadLettering(DEAD_LETTERS) } })),
      ...delays.map(delayQueue),
      { name: DEAD_LETTERS, arguments: bounded },
    ],
    bindings: [
      ...bindings,
      ...delays.map(({ name }) => ({ exchange: name, queue: name, routingKey: '' })),
      { exchange: DEAD_LETTERS, queue: DEAD_LETTERS, routingKey: '' },
    ],
    policies: policiesFor(workQueues, delays),
  };
}

const bounded = { 'x-max-length': MAX_LENGTH, 'x-overflow': 'reject-publish' } as const;

/**
 * The queue arguments for at-least-once dead-lettering, which works only with the overflow `reject-publish`
 * (https://www.rabbitmq.com/docs/quorum-queues#dead-lettering).
 */
const deadLettering = (exchange: string) =>
  ({ 'x-dead-letter-exchange': exchange, 'x-dead-letter-strategy': 'at-least-once' }) as const;

const delayQueue = ({ name, delayMs }: DelayQueue): Queue => ({
  name,
  arguments: { ...bounded, ...deadLettering(''), 'x-message-ttl': delayMs },
});

/**
 * Returns the exchanges to which publishers send the messages of a work queue, without those that only distribute
 * messages to shards.
 */
const topicsOf = ({ bindings, ring }: WorkQueue): string[] =>
  bindings
    .filter((binding) => 'toExchange' in binding || ![ring?.exchange, ring?.unrouted].includes(binding.exchange))
    .map(({ exchange }) => exchange);

function delaysOf(workQueues: readonly WorkQueue[]): DelayQueue[] {
  const byName = new Map(workQueues.flatMap(({ delays }) => delays.map((delay) => [delay.name, delay] as const)));
  return [...byName.values()].toSorted((one, other) => one.delayMs - other.delayMs);
}

function requireUnique(kind: string, names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`the topology declares the ${kind} "${twice}" twice: rename one of the two`);
}

const limits = { priority: 10, definition: { 'max-length': MAX_LENGTH, overflow: 'reject-publish' } } as const;

/** How long RabbitMQ waits before it redelivers a requeued message, in ms. */
const delayedRetry = { minMs: 1_000, maxMs: 30_000 };

/**
 * Returns the policies of a topology. The policy `surehop-paced` delays the redelivery of requeued messages, and the
 * policy `surehop` does not.
 */
function policiesFor(workQueues: readonly WorkQueue[], delays: readonly DelayQueue[]): readonly QueuePolicy[] {
  const shardsThat = (ordered: boolean) =>
    workQueues.filter((queue) => queue.ordered === ordered).flatMap(({ shards }) => shards);
  return [
    { name: 'surehop', queues: [...shardsThat(true), ...delays.map(({ name }) => name)], ...limits },
    { name: 'surehop-paced', queues: [...shardsThat(false), DEAD_LETTERS], ...limits, delayedRetry },
  ];
}

/**
 * The name of the policy for retired queues. A retired queue is a queue that the service declared before and no longer
 * uses.
 */
export const RETIRED_POLICY = 'surehop-retired';

/** Returns the policy for retired queues. Surehop's other policies take precedence over this policy. */
export const retiredPolicy = (queues: readonly string[]): QueuePolicy => ({
  name: RETIRED_POLICY,
  queues,
  ...limits,
  priority: limits.priority - 1,
});
