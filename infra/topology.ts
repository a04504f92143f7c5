import { ringBindings, ringExchanges, routeTo, shardsOf, type Sharding } from '../lib/rabbitmq/topology/shards.ts';
import type {
  Exchange,
  Queue,
  QueuePolicy,
  DelayQueue,
  Topology,
  WorkQueue,
} from '../lib/rabbitmq/topology/topology.ts';

const ORDERS = 'orders';
const DEAD_LETTERS = 'dead-letters';

/** Messages that a queue holds at most; past it the broker refuses the publisher. */
const MAX_LENGTH = 500_000;

const retryTiers: readonly DelayQueue[] = [
  { name: 'retry.1s', delayMs: 1_000 },
  { name: 'retry.2s', delayMs: 2_000 },
  { name: 'retry.4s', delayMs: 4_000 },
];

/** A queue that retries in the common tiers. */
export const workQueue = (
  name: string,
  { ordered = false, ...sharding }: Sharding & { readonly ordered?: boolean } = {},
): WorkQueue => {
  return { name, ...shardsOf(name, sharding), ordered, delays: retryTiers, deadLetterExchange: DEAD_LETTERS };
};

/**
 * The queues that consumers work on. One that one environment cannot keep up with is sharded: `workQueue('stock', { shards: 4 })`.
 * Fewer again: `{ shards: 2, retiring: 2 }` until the last two are empty (docs/adr/008-sharded-queues.md). A queue whose consumer
 * has `orderBy` is declared with `{ ordered: true }`.
 */
export const queues = { stock: workQueue('stock'), points: workQueue('points') } as const;

export const exchanges = { orders: ORDERS, deadLetters: DEAD_LETTERS } as const;

/** The queue whose messages go to the archive. */
export const deadLetterQueue = DEAD_LETTERS;

const bounded = { 'x-max-length': MAX_LENGTH, 'x-overflow': 'reject-publish' } as const;

/** At-least-once needs `reject-publish` (https://www.rabbitmq.com/docs/quorum-queues#dead-lettering). */
const deadLettering = (exchange: string) =>
  ({ 'x-dead-letter-exchange': exchange, 'x-dead-letter-strategy': 'at-least-once' }) as const;

const tierExchange = ({ name }: DelayQueue): Exchange => ({ name, type: 'fanout' });

/** A message waits here for the tier's delay; the default exchange then takes it back to the queue named by its routing key. */
const tierQueue = ({ name, delayMs }: DelayQueue): Queue => ({
  name,
  arguments: { ...bounded, ...deadLettering(''), 'x-message-ttl': delayMs },
});

type WorkQueues = Readonly<Record<keyof typeof queues, WorkQueue>>;

const queuesFor = (work: WorkQueues): readonly Queue[] => [
  ...Object.values(work)
    .flatMap(({ shards }) => shards)
    .map((name) => ({ name, arguments: { ...bounded, ...deadLettering(DEAD_LETTERS) } })),
  ...retryTiers.map(tierQueue),
  { name: deadLetterQueue, arguments: bounded },
];

/** A batch that comes back waits a second, then longer, up to half a minute: an unavailable store is not asked in a loop. */
const delayedRetry = { minMs: 1_000, maxMs: 30_000 };

/** Two policies, since a queue follows one only: only queues that keep no order may hold returned messages back. */
function policiesFor(work: WorkQueues): readonly QueuePolicy[] {
  const definition = { 'max-length': MAX_LENGTH, overflow: 'reject-publish' };
  const unordered = Object.values(work).flatMap(({ ordered, shards }) => (ordered ? [] : shards));
  const paced = [...unordered, deadLetterQueue];
  const others = queuesFor(work).flatMap(({ name }) => (paced.includes(name) ? [] : [name]));
  return [
    { name: 'surehop', queues: others, priority: 10, definition },
    { name: 'surehop-paced', queues: paced, priority: 10, definition, delayedRetry },
  ];
}

/** What the broker must have for these work queues. */
export const topologyFor = (work: WorkQueues): Topology => ({
  exchanges: [
    { name: ORDERS, type: 'topic' },
    { name: DEAD_LETTERS, type: 'fanout' },
    ...retryTiers.map(tierExchange),
    ...Object.values(work).flatMap(ringExchanges),
  ],
  queues: queuesFor(work),
  bindings: [
    ...Object.values(work).flatMap(ringBindings),
    routeTo(work.stock, ORDERS, 'order.created'),
    routeTo(work.points, ORDERS, 'order.created'),
    routeTo(work.points, ORDERS, 'order.rejected'),
    ...retryTiers.map(({ name }) => ({ exchange: name, queue: name, routingKey: '' })),
    { exchange: DEAD_LETTERS, queue: deadLetterQueue, routingKey: '' },
  ],
  // Amazon MQ's own policies have priority 0 or 1 and say the same of length and overflow
  // (https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-defaults.html): this one takes their place.
  policies: policiesFor(work),
});

/** Everything the broker must have: the single source of truth. */
export const topology: Topology = topologyFor(queues);
