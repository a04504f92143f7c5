import { describe, expect, test } from '@jest/globals';

import { assumptions, type Parameters } from '../../../infra/dev/capacity/assumptions.ts';
import { capacityFor } from '../../../infra/dev/capacity/model.ts';

const defaults = Object.fromEntries(
  Object.entries(assumptions).map(([name, { value }]) => [name, value]),
) as Parameters;

describe('the capacity model', () => {
  test('needs as many publishers as requests are under way, with room for bursts', () => {
    const { publisherEnvironments } = capacityFor(3_000, { ...defaults, p50: 500, tail: 1, headroom: 1 });
    expect(publisherEnvironments).toBe(1_500);
  });

  test('shards a queue that one environment cannot keep up with', () => {
    const given = {
      ...defaults,
      'cpu-us': 100,
      'batch-size': 100,
      'between-ms': 10,
      'transaction-ms': 30,
      utilization: 0.5,
    };
    expect(capacityFor(900, given)).toMatchObject({ batchMs: 40, ratePerShard: 2_000, shards: 1 });
    expect(capacityFor(1_100, given).shards).toBe(2);
  });

  test('needs fewer shards, and as many connections for each, where AWS lets several environments work on a shard', () => {
    const rate = 20_000;
    const [one, four] = [1, 4].map((concurrency) => capacityFor(rate, { ...defaults, concurrency }));
    expect(four!.ratePerShard).toBeCloseTo(4 * one!.ratePerShard);
    expect(four!.shards).toBe(Math.ceil(one!.shards / 4));
    expect(four!.connections - four!.publisherEnvironments).toBe(four!.shards * 2 * 4 * 6);
  });

  test('gives a consumer with half a processor twice the time', () => {
    const half = capacityFor(1, { ...defaults, memory: 1_769 / 2, 'transaction-ms': 1e-9 }).batchMs;
    expect(half).toBeCloseTo(2 * capacityFor(1, { ...defaults, 'transaction-ms': 1e-9 }).batchMs);
  });

  test('takes a larger broker where the connections do not fit, and says how many publishers fit', () => {
    expect(capacityFor(100, defaults).broker.size.instanceType).toBe('mq.m7g.medium');
    const slow = capacityFor(100, { ...defaults, p50: 2_000 });
    expect(slow.broker.size.instanceType).toBe('mq.m7g.large');
    expect(slow.publishersThatFit).toBe(2 * 500 - slow.shards * 2 * 6);
  });

  test('takes several brokers where no one cluster writes that much', () => {
    expect(capacityFor(100_000, defaults).broker.count).toBeGreaterThan(1);
  });

  test('counts two write units for each item of a transaction, and the record of the intake', () => {
    const alone = { ...defaults, consumers: 1, 'puts-per-message': 0, 'keys-per-batch': 20, 'batch-size': 200 };
    expect(capacityFor(1, alone).writeUnitsPerMessage).toBeCloseTo(2 * (1 + 0.1) + 2);
  });
});
