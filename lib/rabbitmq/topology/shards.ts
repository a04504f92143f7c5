import { KEY_HEADER } from '../../events/envelope.ts';
import type { Message } from '../../events/message.ts';
import type { Binding, Exchange, Ring, WorkQueue } from './topology.ts';

/** With two digits, the names of shards sort by number. */
const MAX_SHARDS = 100;

/** How many of the broker's queues a work queue consists of. */
export interface Sharding {
  /** How many shards get new messages; 1 means that the queue is not sharded. */
  readonly shards?: number;
  /** How many further shards get no new messages and are only read until they are empty. */
  readonly retiring?: number;
}

interface ShardedQueue {
  readonly name: string;
  readonly shards: readonly string[];
  readonly ring?: Ring;
}

/** The shards of a queue. The first shard has the queue's own name and so exists for any number of shards; the last shards retire first. */
export function shardsOf(name: string, { shards = 1, retiring = 0 }: Sharding): Omit<ShardedQueue, 'name'> {
  const whole = (count: number, least: number) => Number.isInteger(count) && count >= least;
  if (!whole(shards, 1) || !whole(retiring, 0) || shards + retiring > MAX_SHARDS)
    throw new Error(`work queue "${name}": shards and retiring shards together must be from 1 to ${MAX_SHARDS}`);
  const names = Array.from({ length: shards + retiring }, (_, n) =>
    n === 0 ? name : `${name}.${String(n).padStart(2, '0')}`,
  );
  if (names.length === 1) return { shards: names };
  return { shards: names, ring: { exchange: name, unrouted: unroutedOf(name), shards: names.slice(0, shards) } };
}

/** The name of the alternate exchange of a ring. */
export const unroutedOf = (ring: string): string => `${ring}.unrouted`;

/**
 * The exchanges of a sharded queue. A ring may lose a shard that is still bound (https://github.com/rabbitmq/rabbitmq-server/issues/9641),
 * and an empty ring would drop messages that another queue confirms; the alternate exchange catches both.
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

/** The routing key of a binding to a ring is the shard's weight; equal weights give every shard the same share of keys. */
const WEIGHT = '1';

/** Binds the shards to their ring. These bindings must exist before anything is routed to the ring. */
export const ringBindings = ({ name, ring }: ShardedQueue): Binding[] =>
  ring
    ? [
        { exchange: ring.unrouted, queue: name, routingKey: '' },
        ...ring.shards.map((queue) => ({ exchange: ring.exchange, queue, routingKey: WEIGHT })),
      ]
    : [];

/** Binds the queue, or its ring, to `exchange`. */
export const routeTo = ({ name, ring }: ShardedQueue, exchange: string, routingKey: string): Binding =>
  ring ? { exchange, toExchange: ring.exchange, routingKey } : { exchange, queue: name, routingKey };

/** The work queue that a queue of the broker belongs to, even if the shard has been removed since. */
export const queueOfShard = <Q extends Pick<WorkQueue, 'name'>>(queues: readonly Q[], shard: string): Q | undefined =>
  queues.find(({ name }) => name === shard) ??
  queues.find(({ name }) => shard.startsWith(`${name}.`) && /^\d\d$/.test(shard.slice(name.length + 1)));

/** The address of a shard. If the shard has been removed, the address of the shard that now has the message's key. */
export function addressOfShard(queue: WorkQueue, shard: string): Pick<Message, 'exchange' | 'routingKey'> {
  if (queue.shards.includes(shard)) return { exchange: '', routingKey: shard };
  return queue.ring
    ? { exchange: queue.ring.exchange, routingKey: queue.name }
    : { exchange: '', routingKey: queue.name };
}
