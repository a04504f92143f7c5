import { describe, expect, test } from '@jest/globals';

import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { addressOfShard, queueOfShard, shardsOf } from '../../../lib/rabbitmq/topology/shards.ts';

const queue = (name: string, shards = 1, retiring = 0) => workQueue(name, { shards, retiring });

describe('shards', () => {
  test('a work queue that is not sharded has one shard, which is the queue itself', () => {
    expect(shardsOf('loans', {})).toEqual({ shards: ['loans'] });
  });

  test('the first shard of a work queue is the queue itself, and the names of its shards sort in the order in which shards are added', () => {
    const { shards } = queue('loans', 12);
    expect(shards.slice(0, 3)).toEqual(['loans', 'loans.01', 'loans.02']);
    expect(shards.toSorted()).toEqual(shards);
    expect(new Set(shards).size).toBe(12);
    expect(queue('loans', 100).shards.toSorted()).toEqual(queue('loans', 100).shards);
  });

  test('the retiring shards of a work queue are those with the highest numbers, and the consistent-hash exchange routes no messages to them', () => {
    const { shards, ring } = queue('loans', 1, 2);
    expect(shards).toEqual(['loans', 'loans.01', 'loans.02']);
    expect(ring?.shards).toEqual(['loans']);
  });

  test.each([
    [0, 0],
    [1.5, 0],
    [1, -1],
    [60, 41],
  ])(
    'a work queue cannot be declared with %p shards and %p retiring shards, because the sum must be a whole number from 1 to 100',
    (shards, retiring) => {
      expect(() => shardsOf('loans', { shards, retiring })).toThrow(
        'work queue "loans": the number of shards and retiring shards together must be from 1 to 100',
      );
    },
  );
});

describe('queueOfShard', () => {
  const queues = [queue('loans', 2), queue('loans.returns'), queue('loans.07')];

  test.each([
    ['loans', 'loans'],
    ['loans.01', 'loans'],
    ['loans.31', 'loans'],
    ['loans.returns', 'loans.returns'],
    ['loans.returns.01', 'loans.returns'],
    ['loans.07', 'loans.07'],
    ['loans.1', undefined],
    ['loanss', undefined],
    ['', undefined],
  ])(
    'queueOfShard maps the queue name "%s" to the work queue %p, even if the topology no longer declares the shard',
    (shard, name) => {
      expect(queueOfShard(queues, shard)?.name).toBe(name);
    },
  );
});

describe('addressOfShard', () => {
  test('addressOfShard returns the address of an active or retiring shard', () => {
    expect(addressOfShard(queue('loans', 4), 'loans.03')).toEqual({ exchange: '', routingKey: 'loans.03' });
    expect(addressOfShard(queue('loans', 2, 2), 'loans.03')).toEqual({ exchange: '', routingKey: 'loans.03' });
  });

  test("for a removed shard, addressOfShard returns the work queue's consistent-hash exchange or, if the work queue is no longer sharded, the work queue itself", () => {
    expect(addressOfShard(queue('loans', 2), 'loans.03')).toMatchObject({ exchange: 'loans' });
    expect(addressOfShard(queue('loans'), 'loans.03')).toEqual({ exchange: '', routingKey: 'loans' });
  });
});
