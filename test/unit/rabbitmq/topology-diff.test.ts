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

test('while the number of shards is changed, the broker routes every message to a queue with a consumer at every step of the change', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ loans: sharding, notices: sharding }), { minLength: 1, maxLength: 6 }),
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
            // The first topology need not route any message before it is complete.
            if (!workBefore) continue;
            for (const [name, routingKey] of [
              ['loans', 'loan.created'],
              ['notices', 'loan.created'],
              ['notices', 'loan.rejected'],
            ] as const) {
              const read = new Set([...work[name].shards, ...workBefore[name].shards]);
              const routes = destinations(broker, 'library', routingKey).filter((route) =>
                route.every((one) => read.has(one)),
              );
              expect(routes).not.toEqual([]);
            }
          }
          // After the change, every message for a work queue is routed to exactly one of its shards, and a new plan has no changes.
          for (const [name, { ring, shards }] of Object.entries(work)) {
            const routes = destinations(broker, 'library', 'loan.created').filter((route) =>
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

test('a shard cannot be removed from the topology while the shard contains a message or while a delay queue may return a message to the shard', () => {
  const actual = applied(topologyWith({ loans: { shards: 4 } }));
  const declared = topologyWith({ loans: { shards: 2 } });
  const refusals = (held: Record<string, number>) =>
    diffTopology({ declared, actual }, asMap(held)).flatMap((difference) =>
      difference.fix.by === 'operator' ? [planLine(difference)] : [],
    );
  expect(refusals({ 'loans.03': 1 })).toEqual([
    '! queue "loans.03" is no longer declared, but it still holds 1 message. Let its consumer finish or move the messages, then apply again',
  ]);
  expect(refusals({ 'retry.2s': 1 })).toEqual([
    expect.stringContaining('"loans.02" is no longer declared, but messages in retry.2s may return to it'),
    expect.stringContaining('"loans.03" is no longer declared, but messages in retry.2s may return to it'),
  ]);
  expect(refusals({})).toEqual([]);
});

test('a delay queue that no work queue uses any more keeps its binding, and every plan reports it until an operator removes it', () => {
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

test('if a retired delay queue is declared again, the policy "surehop-retired" no longer applies to it', () => {
  const withShipping = topologyWith({}, { shipping: workQueue('shipping', { delays: ['10s'] }) });
  const retired = applied(topologyWith(), applied(withShipping));
  expect(retired.policies.map(({ name }) => name)).toContain('surehop-retired');
  const again = applied(withShipping, retired);
  expect(again.policies.map(({ name }) => name).toSorted()).toEqual(['surehop', 'surehop-paced']);
  expect(diffTopology({ declared: withShipping, actual: again }, none)).toEqual([]);
});

test('the plan of a topology neither reports nor changes a queue that the service never declared', () => {
  const foreign = { name: 'retry.9s', type: 'quorum', durable: true, auto_delete: false, arguments: {} };
  const actual = { ...applied(topologyWith()), queues: [...applied(topologyWith()).queues, foreign] };
  expect(diffTopology({ declared: topologyWith(), actual }, none)).toEqual([]);
});

test('if a retired shard of a work queue still contains a message, the topology plan only reports the queue of this shard and changes nothing', () => {
  const declared = topologyWith({ loans: { shards: 2 } });
  const actual = applied(declared, applied(topologyWith({ loans: { shards: 3 } })));
  expect(diffTopology({ declared, actual }, asMap({ 'loans.02': 1 })).map(planLine)).toEqual([
    '  queue "loans.02" is no longer used, but it still holds 1 message',
  ]);
});

test('the topology plan unbinds a queue that is not a shard from the consistent-hash exchange of a work queue, and warns that this binding loses messages', () => {
  const declared = topologyWith({ loans: { shards: 2 } });
  const binding = { exchange: 'loans', queue: 'theirs', routingKey: '1' };
  const actual = after(applied(declared), { fix: { by: 'apply', change: { do: 'bind', binding } } });
  expect(diffTopology({ declared, actual }, none)).toMatchObject([
    { subject: 'binding loans → theirs [1]', losesMessages: true, fix: { change: { do: 'unbind', binding } } },
  ]);
});

test('if a shard has two bindings with different weights to a consistent-hash exchange, the topology plan tells the operator to remove all bindings of the shard', () => {
  const declared = topologyWith({ loans: { shards: 2 } });
  const binding = { exchange: 'loans', queue: 'loans.01', routingKey: '2' };
  const actual = after(applied(declared), { fix: { by: 'apply', change: { do: 'bind', binding } } });
  expect(diffTopology({ declared, actual }, none).map(planLine)).toEqual([
    expect.stringMatching(/^! binding loans → loans\.01 \[2\] has another weight than declared.* Remove every binding/),
  ]);
});
