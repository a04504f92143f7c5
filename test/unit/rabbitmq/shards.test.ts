import { describe, expect, test } from '@jest/globals';

import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { addressOfShard, queueOfShard, shardsOf } from '../../../lib/rabbitmq/topology/shards.ts';

const queue = (name: string, shards = 1, retiring = 0) => workQueue(name, { shards, retiring });

describe('shards', () => {
  test('a queue that is not sharded is its own only shard', () => {
    expect(shardsOf('stock', {})).toEqual({ shards: ['stock'] });
  });

  test('the shards of a work queue begin with the queue itself, and their names sort in the order in which shards are added', () => {
    const { shards } = queue('stock', 12);
    expect(shards.slice(0, 3)).toEqual(['stock', 'stock.01', 'stock.02']);
    expect(shards.toSorted()).toEqual(shards);
    expect(new Set(shards).size).toBe(12);
    expect(queue('stock', 100).shards.toSorted()).toEqual(queue('stock', 100).shards);
  });

  test('the shards of a work queue that retire are the last ones, and the ring does not route to them', () => {
    const { shards, ring } = queue('stock', 1, 2);
    expect(shards).toEqual(['stock', 'stock.01', 'stock.02']);
    expect(ring?.shards).toEqual(['stock']);
  });

  test.each([
    [0, 0],
    [1.5, 0],
    [1, -1],
    [60, 41],
  ])('%p shards with %p more that retire are refused', (shards, retiring) => {
    expect(() => shardsOf('stock', { shards, retiring })).toThrow(
      'work queue "stock": shards and retiring shards together must be from 1 to 100',
    );
  });
});

describe('queueOfShard', () => {
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
  ])('the work queue of the shard "%s" is %p, whether or not the shard still exists', (shard, name) => {
    expect(queueOfShard(queues, shard)?.name).toBe(name);
  });
});

describe('addressOfShard', () => {
  test('the address of a shard is the shard itself while it exists, even if it retires', () => {
    expect(addressOfShard(queue('stock', 4), 'stock.03')).toEqual({ exchange: '', routingKey: 'stock.03' });
    expect(addressOfShard(queue('stock', 2, 2), 'stock.03')).toEqual({ exchange: '', routingKey: 'stock.03' });
  });

  test('the address of a shard is the ring of its work queue once the shard is removed, or the queue itself if it has no ring', () => {
    expect(addressOfShard(queue('stock', 2), 'stock.03')).toMatchObject({ exchange: 'stock' });
    expect(addressOfShard(queue('stock'), 'stock.03')).toEqual({ exchange: '', routingKey: 'stock' });
  });
});
