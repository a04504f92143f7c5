import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { topologyProperties } from '../../../infra/aws/service/operations.ts';
import * as service from '../../../infra/topology.ts';
import { policyOf } from '../../../lib/rabbitmq/topology/broker-state.ts';
import { policyFor, queuesNamedBy, readVersion, type BrokerPolicy } from '../../../lib/rabbitmq/topology/by-version.ts';
import { readRoles, readTopology } from '../../../lib/rabbitmq/topology/read-declaration.ts';
import { brokerRoles, topology } from '../../support/example/topology.ts';
import { topologyWith } from '../../support/topology.ts';

const aPolicy = (change: Partial<BrokerPolicy> = {}): BrokerPolicy => ({
  name: 'p',
  pattern: '.*',
  'apply-to': 'queues',
  priority: 0,
  definition: {},
  ...change,
});

const policyNamed = (wanted: string) => topology.policies!.find(({ name }) => name === wanted)!;

describe('policies', () => {
  const queueName = fc.stringMatching(/^[a-zA-Z0-9._|()+*?-]{1,20}$/);

  test('the pattern of a policy matches exactly the queues of the policy, and the queue names can be read back from the pattern', () => {
    fc.assert(
      fc.property(fc.uniqueArray(queueName, { minLength: 1, maxLength: 6 }), queueName, (queues, other) => {
        const policy = policyFor({ name: 'p', queues, priority: 1, definition: {} }, { major: 4, minor: 3 });
        expect(queuesNamedBy(policy)).toEqual(queues);
        for (const queue of queues) expect(policyOf(queue, [policy])).toBe(policy);
        expect(policyOf(other, [policy])).toBe(queues.includes(other) ? policy : undefined);
      }),
    );
  });

  test('the policies of a topology set delivery-limit to -1 on RabbitMQ 4, and omit it on RabbitMQ 3, where -1 is invalid', () => {
    for (const policy of topology.policies!) {
      expect(policyFor(policy, { major: 4, minor: 2 }).definition).toMatchObject({ 'delivery-limit': -1 });
      expect(policyFor(policy, { major: 3, minor: 13 }).definition).not.toHaveProperty('delivery-limit');
    }
  });

  test('the policy "surehop-paced" delays the redelivery of requeued messages only on RabbitMQ 4.3 and later', () => {
    const delayedRetry = { 'delayed-retry-type': 'all', 'delayed-retry-min': 1_000, 'delayed-retry-max': 30_000 };
    const definitionOn = (version: string) => policyFor(policyNamed('surehop-paced'), readVersion(version)).definition;
    for (const version of ['4.3.0', '4.10.1', '5.0.0']) expect(definitionOn(version)).toMatchObject(delayedRetry);
    for (const version of ['3.13.7', '4.2.9'])
      expect(Object.keys(definitionOn(version)).join()).not.toContain('delayed');
    expect(policyFor(policyNamed('surehop'), readVersion('4.3.0')).definition).not.toHaveProperty('delayed-retry-type');
  });

  test('no policy of a topology delays the redelivery of messages in a delay queue or in a queue that keeps order per key', () => {
    const { policies } = topologyWith({ loans: { shards: 2 }, notices: { ordered: true } });
    const delayed = policies!.filter(({ delayedRetry }) => delayedRetry).flatMap(({ queues }) => queues);
    expect(delayed).toEqual(['loans', 'loans.01', 'dead-letters']);
  });

  test('each queue in the topology has exactly one policy, with a length limit and with a higher priority than the policies of Amazon MQ', () => {
    for (const { definition, priority } of topology.policies!) {
      expect(definition).toMatchObject({ 'max-length': expect.any(Number), overflow: 'reject-publish' });
      expect(priority).toBeGreaterThan(1);
    }
    const named = topology.policies!.flatMap(({ queues }) => queues);
    expect(named.toSorted()).toEqual(topology.queues.map(({ name }) => name).toSorted());
  });
});

test('a quorum queue follows the matching policy of the highest priority that applies to quorum queues', () => {
  const low = aPolicy({ priority: 1 });
  const high = aPolicy({ priority: 2, pattern: '^loa' });
  const foreign = aPolicy({ priority: 9, 'apply-to': 'classic_queues' });
  expect(policyOf('loans', [low, high, foreign])).toBe(high);
  expect(policyOf('notices', [low, high, foreign])).toBe(low);
});

test('if the pattern of a policy is not a valid JavaScript regular expression, the policy counts as matching every queue', () => {
  const unreadable = aPolicy({ pattern: '(?<a' });
  expect(policyOf('loans', [unreadable])).toBe(unreadable);
});

test('readTopology and readRoles turn the properties in the CloudFormation template back into the declared topology and broker roles', () => {
  expect(readTopology(topologyProperties.Topology)).toEqual(service.topology);
  expect(readRoles(topologyProperties.Roles)).toEqual(service.brokerRoles);
});

test('the usernames of the broker roles have the length and the characters that Amazon MQ accepts', () => {
  for (const username of brokerRoles.flatMap(({ usernames }) => usernames))
    expect(username).toMatch(/^[A-Za-z0-9._-]{2,100}$/);
});
