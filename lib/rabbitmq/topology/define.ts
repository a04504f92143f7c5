import { parseDelays } from './delays.ts';
import { ringBindings, ringExchanges, routeTo, shardsOf, type Sharding } from './shards.ts';
import type { DelayQueue, Queue, QueuePolicy, Topology, WorkQueue } from './topology.ts';

/** The exchange and the queue that receive every dead letter. */
export const DEAD_LETTERS = 'dead-letters';

/** How many messages a queue holds at most. A full queue refuses publishers; it never drops a message. */
const MAX_LENGTH = 500_000;

const DEFAULT_DELAYS = ['1s', '2s', '4s'];

interface WorkQueueOptions extends Sharding {
  /** The routing keys that the queue receives from each topic exchange, such as `{ orders: ['order.created'] }`. */
  readonly bindings?: Readonly<Record<string, readonly string[]>>;
  /** How long a failed message waits before each retry, such as `['10s', '1m']`. After the last retry it is dead-lettered. */
  readonly delays?: readonly string[];
  /** Must be true if the queue's consumer has `orderBy`. */
  readonly ordered?: boolean;
}

/** Declares a queue that a consumer reads. A queue that outgrows one consumer gets `shards` (docs/adr/008-sharded-queues.md). */
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

/** The topology of a service with these work queues: their exchanges, the delay queues in use, dead letters and policies. */
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

/** At-least-once dead-lettering requires `reject-publish` (https://www.rabbitmq.com/docs/quorum-queues#dead-lettering). */
const deadLettering = (exchange: string) =>
  ({ 'x-dead-letter-exchange': exchange, 'x-dead-letter-strategy': 'at-least-once' }) as const;

/** The default exchange, named by the empty string, routes an expired message to the queue named by its routing key. */
const delayQueue = ({ name, delayMs }: DelayQueue): Queue => ({
  name,
  arguments: { ...bounded, ...deadLettering(''), 'x-message-ttl': delayMs },
});

/** The exchanges that publishers use: those of every binding except the bindings of a ring to its own shards. */
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

/**
 * Amazon MQ's own policies have priority 0 or 1 and the same limits
 * (https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-defaults.html); these policies replace them.
 */
const limits = { priority: 10, definition: { 'max-length': MAX_LENGTH, overflow: 'reject-publish' } } as const;

/** A batch that was returned is delivered again after 1 s, later after up to 30 s, so that an outage causes no tight loop. */
const delayedRetry = { minMs: 1_000, maxMs: 30_000 };

/** Only queues that keep no order may delay returned messages, and a queue follows one policy: hence two policies. */
function policiesFor(workQueues: readonly WorkQueue[], delays: readonly DelayQueue[]): readonly QueuePolicy[] {
  const shardsThat = (ordered: boolean) =>
    workQueues.filter((queue) => queue.ordered === ordered).flatMap(({ shards }) => shards);
  return [
    { name: 'surehop', queues: [...shardsThat(true), ...delays.map(({ name }) => name)], ...limits },
    { name: 'surehop-paced', queues: [...shardsThat(false), DEAD_LETTERS], ...limits, delayedRetry },
  ];
}

/** The name of the policy whose pattern records the queues that the service has declared and no longer uses. */
export const RETIRED_POLICY = 'surehop-retired';

/** Keeps the limits of retired queues. The lower priority lets the other policies win when a queue is declared again. */
export const retiredPolicy = (queues: readonly string[]): QueuePolicy => ({
  name: RETIRED_POLICY,
  queues,
  ...limits,
  priority: limits.priority - 1,
});
