import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { brokerRoles } from '../../../infra/broker-users.ts';
import { topologyProperties } from '../../../infra/aws/topology-properties.ts';
import { topology, topologyFor, workQueue } from '../../../infra/topology.ts';
import { policyFor, policyOf, queuesNamedBy, type BrokerPolicy } from '../../../lib/rabbitmq/topology/policy.ts';
import { readVersion } from '../../../lib/rabbitmq/topology/queue-arguments.ts';
import { readRoles, readTopology } from '../../../lib/rabbitmq/topology/read-declaration.ts';

const aPolicy = (change: Partial<BrokerPolicy> = {}): BrokerPolicy => ({
  name: 'p',
  pattern: '.*',
  'apply-to': 'queues',
  priority: 0,
  definition: {},
  ...change,
});

const policyNamed = (wanted: string) => topology.policies!.find(({ name }) => name === wanted)!;

describe('the policy of a topology', () => {
  const queueName = fc.stringMatching(/^[a-zA-Z0-9._|()+*?-]{1,20}$/);

  test('names exactly its queues, and tells them again', () => {
    fc.assert(
      fc.property(fc.uniqueArray(queueName, { minLength: 1, maxLength: 6 }), queueName, (queues, other) => {
        const policy = policyFor({ name: 'p', queues, priority: 1, definition: {} }, { major: 4, minor: 3 });
        expect(queuesNamedBy(policy)).toEqual(queues);
        for (const queue of queues) expect(policyOf(queue, [policy])).toBe(policy);
        expect(policyOf(other, [policy])).toBe(queues.includes(other) ? policy : undefined);
      }),
    );
  });

  test('lifts the delivery limit on RabbitMQ 4, and leaves it out on RabbitMQ 3, which would refuse it', () => {
    for (const policy of topology.policies!) {
      expect(policyFor(policy, { major: 4, minor: 2 }).definition).toMatchObject({ 'delivery-limit': -1 });
      expect(policyFor(policy, { major: 3, minor: 13 }).definition).not.toHaveProperty('delivery-limit');
    }
  });

  test('holds returned messages back from RabbitMQ 4.3 on, and on no earlier version', () => {
    const delayedRetry = { 'delayed-retry-type': 'all', 'delayed-retry-min': 1_000, 'delayed-retry-max': 30_000 };
    const definitionOn = (version: string) => policyFor(policyNamed('surehop-paced'), readVersion(version)).definition;
    for (const version of ['4.3.0', '4.10.1', '5.0.0']) expect(definitionOn(version)).toMatchObject(delayedRetry);
    for (const version of ['3.13.7', '4.2.9'])
      expect(Object.keys(definitionOn(version)).join()).not.toContain('delayed');
    expect(policyFor(policyNamed('surehop'), readVersion('4.3.0')).definition).not.toHaveProperty('delayed-retry-type');
  });

  test('of a queue that keeps order per key, or of a delay queue, holds nothing back', () => {
    const { policies } = topologyFor({
      stock: workQueue('stock', { shards: 2 }),
      points: workQueue('points', { ordered: true }),
    });
    const held = policies!.filter(({ delayedRetry }) => delayedRetry).flatMap(({ queues }) => queues);
    expect(held).toEqual(['stock', 'stock.01', 'dead-letters']);
  });

  test('restates the limits of Amazon MQ’s own policy with a higher priority, and each queue has exactly one', () => {
    for (const { definition, priority } of topology.policies!) {
      expect(definition).toMatchObject({ 'max-length': expect.any(Number), overflow: 'reject-publish' });
      expect(priority).toBeGreaterThan(1);
    }
    const named = topology.policies!.flatMap(({ queues }) => queues);
    expect(named.toSorted()).toEqual(topology.queues.map(({ name }) => name).toSorted());
  });
});

describe('the policy that a quorum queue follows', () => {
  test('is the one of the highest priority that matches and is for such queues', () => {
    const low = aPolicy({ priority: 1 });
    const high = aPolicy({ priority: 2, pattern: '^sto' });
    const foreign = aPolicy({ priority: 9, 'apply-to': 'classic_queues' });
    expect(policyOf('stock', [low, high, foreign])).toBe(high);
    expect(policyOf('points', [low, high, foreign])).toBe(low);
  });

  test('may be one whose pattern only the broker understands: rather a false alarm', () => {
    const odd = aPolicy({ pattern: '(?<a' });
    expect(policyOf('stock', [odd])).toBe(odd);
  });
});

test('topology and roles come through the template as they are', () => {
  expect(readTopology(topologyProperties.Topology)).toEqual(topology);
  expect(readRoles(topologyProperties.Roles)).toEqual(brokerRoles);
});

test('the names of the users are such that Amazon MQ takes', () => {
  for (const username of brokerRoles.flatMap(({ usernames }) => usernames))
    expect(username).toMatch(/^[A-Za-z0-9._-]{2,100}$/);
});
