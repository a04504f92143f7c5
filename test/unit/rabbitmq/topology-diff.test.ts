import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { planLine } from '../../../lib/rabbitmq/topology/describe.ts';
import { diffTopology } from '../../../lib/rabbitmq/topology/diff.ts';
import type { Topology } from '../../../lib/rabbitmq/topology/topology.ts';
import { after, destinations, emptyBroker } from '../../support/modelled-broker.ts';
import { numRuns } from '../../support/thorough.ts';
import { queuesWith, topologyWith } from '../../support/topology.ts';

const none = new Map<string, number>();
const applied = (declared: Topology, actual = emptyBroker) =>
  diffTopology({ declared, actual }, none).reduce(after, actual);
const asMap = (held: Record<string, number>) => new Map(Object.entries(held));

const sharding = fc.record({ shards: fc.integer({ min: 1, max: 5 }), retiring: fc.integer({ min: 0, max: 3 }) });

test('while the number of shards changes, every message has a route to a queue with a consumer at every step', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ stock: sharding, points: sharding }), { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      (changes, knowsPrevious) => {
        let broker = emptyBroker;
        let before: (typeof changes)[number] | undefined;
        for (const change of changes) {
          const [work, workBefore] = [queuesWith(change), before && queuesWith(before)];
          const declared = topologyWith(change);
          const previous = knowsPrevious && before ? topologyWith(before) : undefined;
          for (const difference of diffTopology({ declared, actual: broker, previous }, none)) {
            expect(difference.fix.by).not.toBe('operator');
            broker = after(broker, difference);
            // The very first declaration need not route anything before it is complete.
            if (!workBefore) continue;
            for (const [name, routingKey] of [
              ['stock', 'order.created'],
              ['points', 'order.created'],
              ['points', 'order.rejected'],
            ] as const) {
              const read = new Set([...work[name].shards, ...workBefore[name].shards]);
              const routes = destinations(broker, 'orders', routingKey).filter((route) =>
                route.every((one) => read.has(one)),
              );
              expect(routes).not.toEqual([]);
            }
          }
          // Then every message of a queue goes to one of its shards, once, and nothing is left to change.
          for (const [name, { ring, shards }] of Object.entries(work)) {
            const routes = destinations(broker, 'orders', 'order.created').filter((route) =>
              shards.includes(route[0]!),
            );
            expect([name, routes]).toEqual([name, [ring?.shards ?? [name]]]);
          }
          const left = diffTopology({ declared, actual: broker }, none);
          expect(left.filter(({ fix, losesMessages }) => fix.by !== 'nobody' || losesMessages)).toEqual([]);
          before = change;
        }
      },
    ),
    { numRuns: numRuns({ everyday: 100, thorough: 300 }) },
  );
});

test('a shard cannot be removed from the topology while it holds a message or may get one back from a delay queue', () => {
  const actual = applied(topologyWith({ stock: { shards: 4 } }));
  const declared = topologyWith({ stock: { shards: 2 } });
  const refusals = (held: Record<string, number>) =>
    diffTopology({ declared, actual }, asMap(held)).flatMap((difference) =>
      difference.fix.by === 'operator' ? [planLine(difference)] : [],
    );
  expect(refusals({ 'stock.03': 1 })).toEqual([
    '! queue "stock.03" is no longer declared, but it still holds 1 message. Let its consumer finish or move the messages, then apply again',
  ]);
  expect(refusals({ 'retry.2s': 1 })).toEqual([
    expect.stringContaining('"stock.02" is no longer declared, but messages in retry.2s may return to it'),
    expect.stringContaining('"stock.03" is no longer declared, but messages in retry.2s may return to it'),
  ]);
  expect(refusals({})).toEqual([]);
});

test('a delay queue that no work queue uses any more keeps its binding and is reported until it is removed', () => {
  const actual = applied(topologyWith({}, { shipping: workQueue('shipping', { delays: ['10s'] }) }));
  const declared = topologyWith({}, { shipping: workQueue('shipping') });
  const differences = diffTopology({ declared, actual }, asMap({ 'retry.10s': 3 }));
  expect(differences.map(planLine)).toEqual([
    expect.stringMatching(/^\+ policy surehop-retired .* on \^\(retry\\\.10s\)\$/),
    expect.stringMatching(/^~ policy surehop: pattern /),
    '  queue "retry.10s" is no longer used and returns its 3 messages to their work queues',
  ]);
  const later = differences.reduce(after, actual);
  expect(diffTopology({ declared, actual: later }, none).map(planLine)).toEqual([
    '  queue "retry.10s" is no longer used and empty: remove it with "topology remove retry.10s"',
  ]);
  expect(destinations(later, 'retry.10s', 'shipping')).toEqual([['retry.10s']]);
});

test('a retired queue that is declared again leaves the policy of retired queues', () => {
  const withShipping = topologyWith({}, { shipping: workQueue('shipping', { delays: ['10s'] }) });
  const retired = applied(topologyWith(), applied(withShipping));
  expect(retired.policies.map(({ name }) => name)).toContain('surehop-retired');
  const again = applied(withShipping, retired);
  expect(again.policies.map(({ name }) => name).toSorted()).toEqual(['surehop', 'surehop-paced']);
  expect(diffTopology({ declared: withShipping, actual: again }, none)).toEqual([]);
});

test('a queue that the service never declared is neither reported nor changed', () => {
  const foreign = { name: 'retry.9s', type: 'quorum', durable: true, auto_delete: false, arguments: {} };
  const actual = { ...applied(topologyWith()), queues: [...applied(topologyWith()).queues, foreign] };
  expect(diffTopology({ declared: topologyWith(), actual }, none)).toEqual([]);
});

test('a retired work queue that gets a message later is reported but does not stop the topology from being applied', () => {
  const declared = topologyWith({ stock: { shards: 2 } });
  const actual = applied(declared, applied(topologyWith({ stock: { shards: 3 } })));
  expect(diffTopology({ declared, actual }, asMap({ 'stock.02': 1 })).map(planLine)).toEqual([
    '  queue "stock.02" is no longer used, but it still holds 1 message',
  ]);
});

test('a foreign queue in a ring loses messages and is unbound', () => {
  const declared = topologyWith({ stock: { shards: 2 } });
  const binding = { exchange: 'stock', queue: 'theirs', routingKey: '1' };
  const actual = after(applied(declared), { fix: { by: 'apply', change: { do: 'bind', binding } } });
  expect(diffTopology({ declared, actual }, none)).toMatchObject([
    { subject: 'binding stock → theirs [1]', losesMessages: true, fix: { change: { do: 'unbind', binding } } },
  ]);
});

test('a shard with another weight needs an operator, since a ring loses the shard with one of its two bindings', () => {
  const declared = topologyWith({ stock: { shards: 2 } });
  const binding = { exchange: 'stock', queue: 'stock.01', routingKey: '2' };
  const actual = after(applied(declared), { fix: { by: 'apply', change: { do: 'bind', binding } } });
  expect(diffTopology({ declared, actual }, none).map(planLine)).toEqual([
    expect.stringMatching(/^! binding stock → stock\.01 \[2\] has another weight than declared.* Remove every binding/),
  ]);
});
