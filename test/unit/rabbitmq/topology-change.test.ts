import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { queues, topologyFor, workQueue } from '../../../infra/topology.ts';
import { planTopology } from '../../../lib/rabbitmq/topology/plan.ts';
import { verifyTopology } from '../../../lib/rabbitmq/topology/verify.ts';
import { after, destinations, emptyBroker } from '../../support/modelled-broker.ts';

const none = new Map<string, number>();

const sharding = fc.record({ shards: fc.integer({ min: 1, max: 5 }), retiring: fc.integer({ min: 0, max: 3 }) });

test('whatever the number of shards changes to, at no step is a message without a way, or led to where nobody reads', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ stock: sharding, points: sharding }), { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      (changes, knowsPrevious) => {
        let broker = emptyBroker;
        let before: typeof queues | undefined;
        for (const { stock, points } of changes) {
          const work = { stock: workQueue('stock', stock), points: workQueue('points', points) };
          const wanted = topologyFor(work);
          const previous = knowsPrevious && before ? topologyFor(before) : undefined;
          for (const step of planTopology({ wanted, there: broker, previous }, none)) {
            expect(step.do).not.toBe('refuse');
            broker = after(broker, step);
            // Of the very first declaration nobody expects that it works before it is through.
            if (!before) continue;
            for (const [name, routingKey] of [
              ['stock', 'order.created'],
              ['points', 'order.created'],
              ['points', 'order.rejected'],
            ] as const) {
              const read = new Set([...work[name].shards, ...before[name].shards]);
              const ways = destinations(broker, 'orders', routingKey).filter((way) =>
                way.every((one) => read.has(one)),
              );
              expect(ways).not.toEqual([]);
            }
          }
          // Then every message of a queue goes to one of its shards, once, and nothing is left to do.
          for (const [name, { ring, shards }] of Object.entries(work)) {
            const ways = destinations(broker, 'orders', 'order.created').filter((way) => shards.includes(way[0]!));
            expect([name, ways]).toEqual([name, [ring?.shards ?? [name]]]);
          }
          expect(planTopology({ wanted, there: broker }, none)).toEqual([]);
          expect(verifyTopology(wanted, broker)).toEqual([]);
          before = work;
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('a shard is not given up while it holds a message, or while one may come back to it from a retry tier', () => {
  const [four, two] = [4, 2].map((shards) => topologyFor({ ...queues, stock: workQueue('stock', { shards }) }));
  const there = planTopology({ wanted: four!, there: emptyBroker }, none).reduce(after, emptyBroker);
  const refusals = (held: Record<string, number>) =>
    planTopology({ wanted: two!, there }, new Map(Object.entries(held))).flatMap((step) =>
      step.do === 'refuse' ? [step.reason] : [],
    );
  expect(refusals({ 'stock.03': 1 })).toEqual([
    expect.stringContaining('"stock.03" is no longer in the topology, but'),
  ]);
  expect(refusals({ 'retry.2s': 1 })).toEqual([
    expect.stringContaining('"stock.02" is no longer in the topology, but messages in retry.2s may come back to it'),
    expect.stringContaining('"stock.03" is no longer in the topology, but messages in retry.2s may come back to it'),
  ]);
  expect(refusals({})).toEqual([]);
});

test('a queue that somebody put into a ring is found, for it takes messages away, and is taken out again', () => {
  const wanted = topologyFor({ ...queues, stock: workQueue('stock', { shards: 2 }) });
  const sound = planTopology({ wanted, there: emptyBroker }, none).reduce(after, emptyBroker);
  const binding = { exchange: 'stock', queue: 'theirs', routingKey: '1' };
  const there = after(sound, { do: 'bind', binding });
  expect(verifyTopology(wanted, there)).toMatchObject([{ subject: 'binding stock → theirs [1]' }]);
  expect(planTopology({ wanted, there }, none)).toMatchObject([{ do: 'unbind', binding }]);
});

test('another weight of a shard is refused: a ring loses the shard with one of its two bindings', () => {
  const wanted = topologyFor({ ...queues, stock: workQueue('stock', { shards: 2 }) });
  const sound = planTopology({ wanted, there: emptyBroker }, none).reduce(after, emptyBroker);
  const there = after(sound, { do: 'bind', binding: { exchange: 'stock', queue: 'stock.01', routingKey: '2' } });
  expect(planTopology({ wanted, there }, none)).toEqual([
    { do: 'refuse', reason: expect.stringMatching(/^binding stock → stock\.01 \[2\]: .* take every binding/) },
  ]);
});
