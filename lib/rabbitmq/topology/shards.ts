import { KEY_HEADER } from '../../events/envelope.ts';
import type { Message } from '../../events/message.ts';
import type { Binding, Exchange, WorkQueue } from './topology.ts';

/** So many have names that sort as they were added. */
const MAX_SHARDS = 100;

/** How many of the broker's queues a work queue consists of. */
export interface Sharding {
  /** That get new messages; 1 is a queue like any other. */
  readonly shards?: number;
  /** That get none any more and are still worked on, until they are empty. */
  readonly retiring?: number;
}

/** The shards of a queue. The first has its name, so that it is there whatever their number is; the last retire first. */
export function shardsOf(name: string, { shards = 1, retiring = 0 }: Sharding): Pick<WorkQueue, 'shards' | 'ring'> {
  const whole = (count: number, least: number) => Number.isInteger(count) && count >= least;
  if (!whole(shards, 1) || !whole(retiring, 0) || shards + retiring > MAX_SHARDS)
    throw new Error(`the queue ${name} has 1 to ${MAX_SHARDS} shards, those that retire among them`);
  const names = Array.from({ length: shards + retiring }, (_, n) =>
    n === 0 ? name : `${name}.${String(n).padStart(2, '0')}`,
  );
  if (names.length === 1) return { shards: names };
  return { shards: names, ring: { exchange: name, unrouted: unroutedOf(name), shards: names.slice(0, shards) } };
}

/** The exchange behind a ring, for what the ring has no shard for. */
export const unroutedOf = (ring: string): string => `${ring}.unrouted`;

/**
 * The exchanges of a sharded queue. A ring may lose a shard that is bound (https://github.com/rabbitmq/rabbitmq-server/issues/9641);
 * an empty one would drop what others take, and that is confirmed then.
 */
export const ringExchanges = ({ ring }: WorkQueue): Exchange[] =>
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

/** How much of the ring each shard gets: the same. */
const WEIGHT = '1';

/** What binds the shards to their ring; to be declared before anything is routed to the ring. */
export const ringBindings = ({ name, ring }: WorkQueue): Binding[] =>
  ring
    ? [
        { exchange: ring.unrouted, queue: name, routingKey: '' },
        ...ring.shards.map((queue) => ({ exchange: ring.exchange, queue, routingKey: WEIGHT })),
      ]
    : [];

/** Has the queue get what `exchange` gets under the routing key, whatever its number of shards. */
export const routeTo = ({ name, ring }: WorkQueue, exchange: string, routingKey: string): Binding =>
  ring ? { exchange, toExchange: ring.exchange, routingKey } : { exchange, queue: name, routingKey };

/** The work queue that a queue of the broker belongs to, or did when there were more shards. */
export const queueOfShard = <Q extends Pick<WorkQueue, 'name'>>(queues: readonly Q[], shard: string): Q | undefined =>
  queues.find(({ name }) => name === shard) ??
  queues.find(({ name }) => shard.startsWith(`${name}.`) && /^\d\d$/.test(shard.slice(name.length + 1)));

/** The way back to a shard; where there is none of this name any more, to the one that has the message's key now. */
export function wayBackTo(queue: WorkQueue, shard: string): Pick<Message, 'exchange' | 'routingKey'> {
  if (queue.shards.includes(shard)) return { exchange: '', routingKey: shard };
  return queue.ring
    ? { exchange: queue.ring.exchange, routingKey: queue.name }
    : { exchange: '', routingKey: queue.name };
}
