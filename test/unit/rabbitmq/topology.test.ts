import { describe, expect, test } from '@jest/globals';

import { deadLetterQueue, queues, topology } from '../../../infra/topology.ts';
import { destinationOf } from '../../../lib/rabbitmq/topology/binding.ts';

const named = (name: string) => topology.queues.find((queue) => queue.name === name);

describe('the topology', () => {
  test('dead-letters every work queue and every retry tier at least once', () => {
    for (const { name } of topology.queues.filter((queue) => queue.name !== deadLetterQueue))
      expect(named(name)?.arguments).toMatchObject({
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
        'x-dead-letter-exchange': expect.any(String),
      });
  });

  test('spaces the retries of each work queue 1, 2 and 4 seconds', () => {
    for (const { delays } of Object.values(queues)) {
      expect(delays.map(({ delayMs }) => delayMs)).toEqual([1_000, 2_000, 4_000]);
      for (const { name, delayMs } of delays)
        expect(named(name)?.arguments).toMatchObject({ 'x-message-ttl': delayMs, 'x-dead-letter-exchange': '' });
    }
  });

  test('binds every queue but those that retire, so that nothing published here is unroutable', () => {
    const bound = new Set(topology.bindings.map((binding) => destinationOf(binding).name));
    const retire = Object.values(queues).flatMap(({ shards, ring }) => (ring ? shards.slice(ring.shards.length) : []));
    expect(topology.queues.map(({ name }) => name).filter((name) => !bound.has(name))).toEqual(retire);
  });
});
