import { describe, expect, test } from '@jest/globals';

import { queueOfShard, shardsOf, wayBackTo } from '../../../lib/rabbitmq/topology/shards.ts';
import type { WorkQueue } from '../../../lib/rabbitmq/topology/topology.ts';

const queue = (name: string, shards = 1, retiring = 0): WorkQueue => {
  return {
    name,
    ...shardsOf(name, { shards, retiring }),
    ordered: false,
    delays: [],
    deadLetterExchange: 'dead-letters',
  };
};

describe('the shards of a queue', () => {
  test('are the queue itself where it is not sharded', () => {
    expect(shardsOf('stock', {})).toEqual({ shards: ['stock'] });
  });

  test('begin with the queue itself, so that its number may change, and have names that sort as they were added', () => {
    const { shards } = queue('stock', 12);
    expect(shards.slice(0, 3)).toEqual(['stock', 'stock.01', 'stock.02']);
    expect(shards.toSorted()).toEqual(shards);
    expect(new Set(shards).size).toBe(12);
    expect(queue('stock', 100).shards.toSorted()).toEqual(queue('stock', 100).shards);
  });

  test('that retire are the last ones, which the ring has no longer', () => {
    const { shards, ring } = queue('stock', 1, 2);
    expect(shards).toEqual(['stock', 'stock.01', 'stock.02']);
    expect(ring?.shards).toEqual(['stock']);
  });

  test.each([
    [0, 0],
    [1.5, 0],
    [1, -1],
    [60, 41],
  ])('cannot be %p with %p that retire', (shards, retiring) => {
    expect(() => shardsOf('stock', { shards, retiring })).toThrow('the queue stock has 1 to 100 shards');
  });
});

describe('the queue of a shard', () => {
  const queues = [queue('stock', 2), queue('stock.returns'), queue('stock.07')];

  test.each([
    ['stock', 'stock'],
    ['stock.01', 'stock'],
    ['stock.31', 'stock'],
    ['stock.returns', 'stock.returns'],
    ['stock.returns.01', 'stock.returns'],
    ['stock.07', 'stock.07'],
    ['stock.1', undefined],
    ['stocks', undefined],
    ['', undefined],
  ])('of "%s" is %p, whether the shard is there still or not', (shard, name) => {
    expect(queueOfShard(queues, shard)?.name).toBe(name);
  });
});

describe('the way back', () => {
  test('leads to the shard while it is there, be it one that retires', () => {
    expect(wayBackTo(queue('stock', 4), 'stock.03')).toEqual({ exchange: '', routingKey: 'stock.03' });
    expect(wayBackTo(queue('stock', 2, 2), 'stock.03')).toEqual({ exchange: '', routingKey: 'stock.03' });
  });

  test('leads by the key to another where the shard is gone, and to the queue itself where that has no others', () => {
    expect(wayBackTo(queue('stock', 2), 'stock.03')).toMatchObject({ exchange: 'stock' });
    expect(wayBackTo(queue('stock'), 'stock.03')).toEqual({ exchange: '', routingKey: 'stock' });
  });
});
