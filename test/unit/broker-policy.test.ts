import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { brokerRoles } from '../../infra/broker-users.ts';
import { topologyProperties } from '../../infra/topology-properties.ts';
import { topology } from '../../infra/topology.ts';
import { policyFor, policyOf, queuesNamedBy, type BrokerPolicy } from '../../lib/broker/policy.ts';
import { readRoles, readTopology } from '../../lib/broker/read-declaration.ts';

const aPolicy = (change: Partial<BrokerPolicy> = {}): BrokerPolicy => ({
  name: 'p',
  pattern: '.*',
  'apply-to': 'queues',
  priority: 0,
  definition: {},
  ...change,
});

describe('the policy of a topology', () => {
  const queueName = fc.stringMatching(/^[a-zA-Z0-9._|()+*?-]{1,20}$/);

  test('names exactly its queues, and tells them again', () => {
    fc.assert(
      fc.property(fc.uniqueArray(queueName, { minLength: 1, maxLength: 6 }), queueName, (queues, other) => {
        const policy = policyFor({ name: 'p', queues, priority: 1, definition: {} }, 4);
        expect(queuesNamedBy(policy)).toEqual(queues);
        for (const queue of queues) expect(policyOf(queue, [policy])).toBe(policy);
        expect(policyOf(other, [policy])).toBe(queues.includes(other) ? policy : undefined);
      }),
    );
  });

  test('lifts the delivery limit on RabbitMQ 4, and says nothing of it on RabbitMQ 3, which would refuse that', () => {
    const [policy] = topology.policies!;
    expect(policyFor(policy!, 4).definition).toMatchObject({ 'delivery-limit': -1 });
    expect(policyFor(policy!, 3).definition).not.toHaveProperty('delivery-limit');
  });

  test('restates what Amazon MQ’s own policy says, with a higher priority, and covers every queue', () => {
    const [policy] = topology.policies!;
    expect(policy).toMatchObject({ definition: { 'max-length': expect.any(Number), overflow: 'reject-publish' } });
    expect(policy!.priority).toBeGreaterThan(1);
    expect(policy!.queues).toEqual(topology.queues.map(({ name }) => name));
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
