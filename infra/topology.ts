import type { Exchange, Queue, RetryTier, Topology, WorkQueue } from '../lib/broker/topology.ts';

const ORDERS = 'orders';
const DEAD_LETTERS = 'dead-letters';

/** Messages that a queue holds at most; past it the broker refuses the publisher. */
const MAX_LENGTH = 500_000;

const retryTiers: readonly RetryTier[] = [
  { exchange: 'retry.1s', delayMs: 1_000 },
  { exchange: 'retry.2s', delayMs: 2_000 },
  { exchange: 'retry.4s', delayMs: 4_000 },
];

const workQueue = (name: string): WorkQueue => ({ name, retryTiers, deadLetterExchange: DEAD_LETTERS });

/** The queues that consumers work on. */
export const queues = { stock: workQueue('stock'), points: workQueue('points') } as const;

export const exchanges = { orders: ORDERS, deadLetters: DEAD_LETTERS } as const;

/** The queue whose messages go to the archive. */
export const deadLetterQueue = DEAD_LETTERS;

const bounded = { 'x-max-length': MAX_LENGTH, 'x-overflow': 'reject-publish' } as const;

/** At-least-once needs `reject-publish` (https://www.rabbitmq.com/docs/quorum-queues#dead-lettering). */
const deadLettering = (exchange: string) =>
  ({ 'x-dead-letter-exchange': exchange, 'x-dead-letter-strategy': 'at-least-once' }) as const;

const tierExchange = ({ exchange }: RetryTier): Exchange => ({ name: exchange, type: 'fanout' });

/** A message waits here for the tier's delay; the default exchange then takes it back to the queue named by its routing key. */
const tierQueue = ({ exchange, delayMs }: RetryTier): Queue => ({
  name: exchange,
  arguments: { ...bounded, ...deadLettering(''), 'x-message-ttl': delayMs },
});

const allQueues: readonly Queue[] = [
  ...Object.values(queues).map(({ name }) => ({ name, arguments: { ...bounded, ...deadLettering(DEAD_LETTERS) } })),
  ...retryTiers.map(tierQueue),
  { name: deadLetterQueue, arguments: bounded },
];

/** Everything the broker must have: the single source of truth. */
export const topology: Topology = {
  exchanges: [{ name: ORDERS, type: 'topic' }, { name: DEAD_LETTERS, type: 'fanout' }, ...retryTiers.map(tierExchange)],
  queues: allQueues,
  bindings: [
    { exchange: ORDERS, queue: queues.stock.name, routingKey: 'order.created' },
    { exchange: ORDERS, queue: queues.points.name, routingKey: 'order.created' },
    { exchange: ORDERS, queue: queues.points.name, routingKey: 'order.rejected' },
    ...retryTiers.map(({ exchange }) => ({ exchange, queue: exchange, routingKey: '' })),
    { exchange: DEAD_LETTERS, queue: deadLetterQueue, routingKey: '' },
  ],
  // Amazon MQ's own policies have priority 0 or 1 and say the same of length and overflow
  // (https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-defaults.html): this one takes their place.
  policies: [
    {
      name: 'surehop',
      queues: allQueues.map(({ name }) => name),
      priority: 10,
      definition: { 'max-length': MAX_LENGTH, overflow: 'reject-publish' },
    },
  ],
};
