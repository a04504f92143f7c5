import { KEY_HEADER } from '../../events/envelope.ts';
import type { Message } from '../../events/message.ts';
import type { Binding, Exchange, Ring, WorkQueue } from './topology.ts';

/** The maximum number of shards of a queue. The limit keeps the numbers in the names of the shards at two digits. */
const MAX_SHARDS = 100;

/** How many queues on the broker form one sharded work queue. */
export interface Sharding {
  /** The number of shards that receive new messages: 1 if the work queue is not sharded. */
  readonly shards?: number;
  /**
   * The number of additional shards that are being removed: they receive no new messages, and consumers read them until
   * they are empty.
   */
  readonly retiring?: number;
}

interface ShardedQueue {
  readonly name: string;
  readonly shards: readonly string[];
  readonly ring?: Ring;
}

/** Returns the shards of a queue. The first shard has the name of the queue itself. */
export function shardsOf(name: string, { shards = 1, retiring = 0 }: Sharding): Omit<ShardedQueue, 'name'> {
  const whole = (count: number, least: number) => Number.isInteger(count) && count >= least;
  if (!whole(shards, 1) || !whole(retiring, 0) || shards + retiring > MAX_SHARDS)
    throw new Error(
      `work queue "${name}": the number of shards and retiring shards together must be from 1 to ${MAX_SHARDS}`,
    );
  const names = Array.from({ length: shards + retiring }, (_, n) =>
    n === 0 ? name : `${name}.${String(n).padStart(2, '0')}`,
  );
  if (names.length === 1) return { shards: names };
  return { shards: names, ring: { exchange: name, unrouted: unroutedOf(name), shards: names.slice(0, shards) } };
}

export const unroutedOf = (ring: string): string => `${ring}.unrouted`;

/**
 * Returns the exchanges of a sharded queue: a consistent-hash exchange, and an alternate exchange for messages that the
 * first exchange cannot route.
 */
export const ringExchanges = ({ ring }: ShardedQueue): Exchange[] =>
  ring
    ? [
        { name: ring.unrouted, type: 'fanout' },
        {
          name: ring.exchange,
          type: 'x-consistent-hash',
          arguments: { 'hash-header': KEY_HEADER, 'alternate-exchange': ring.unrouted },
        },
      ]
    : [];

/**
 * The routing key of each binding from a consistent-hash exchange to a shard. RabbitMQ reads this routing key as the
 * weight of the shard.
 */
const WEIGHT = '1';

export const ringBindings = ({ name, ring }: ShardedQueue): Binding[] =>
  ring
    ? [
        { exchange: ring.unrouted, queue: name, routingKey: '' },
        ...ring.shards.map((queue) => ({ exchange: ring.exchange, queue, routingKey: WEIGHT })),
      ]
    : [];

export const routeTo = ({ name, ring }: ShardedQueue, exchange: string, routingKey: string): Binding =>
  ring ? { exchange, toExchange: ring.exchange, routingKey } : { exchange, queue: name, routingKey };

/**
 * Returns the work queue to which a shard on the broker belongs, even if the shard has since been removed from the
 * topology.
 */
export const queueOfShard = <Q extends Pick<WorkQueue, 'name'>>(queues: readonly Q[], shard: string): Q | undefined =>
  queues.find(({ name }) => name === shard) ??
  queues.find(({ name }) => shard.startsWith(`${name}.`) && /^\d\d$/.test(shard.slice(name.length + 1)));

/**
 * Returns the exchange and routing key with which a message is published to a shard, or to the shard's successor if the
 * shard has been removed.
 */
export function addressOfShard(queue: WorkQueue, shard: string): Pick<Message, 'exchange' | 'routingKey'> {
  if (queue.shards.includes(shard)) return { exchange: '', routingKey: shard };
  return queue.ring
    ? { exchange: queue.ring.exchange, routingKey: queue.name }
    : { exchange: '', routingKey: queue.name };
}
