import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { reach } from '../../../infra/dev/runtime/broker/prepare.ts';
import { topology } from '../../../infra/topology.ts';
import type { BrokerAccess } from '../../../lib/rabbitmq/admin/broker-access.ts';
import { readBrokerState } from '../../../lib/rabbitmq/topology/broker-state.ts';
import { describeStep } from '../../../lib/rabbitmq/topology/describe-plan.ts';
import { applyTopology, readPlan } from '../../../lib/rabbitmq/topology/apply.ts';
import type { Topology } from '../../../lib/rabbitmq/topology/topology.ts';
import { verifyTopology } from '../../../lib/rabbitmq/topology/verify.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';
import { eventually } from '../../support/eventually.ts';

let host: VirtualHost;
let broker: BrokerAccess;
beforeEach(async () => {
  host = await aVirtualHost();
  broker = reach(host.amqpUrl, process.env['MANAGEMENT_URL']);
});
afterEach(() => host.remove());

const plan = async (wanted: Topology, previous?: Topology) =>
  (await readPlan(broker, wanted, previous)).map(describeStep);

const queueNames = async () =>
  ((await host.manage('GET', `queues/${host.name}?columns=name`)) as { name: string }[]).map(({ name }) => name);

const bindingsOf = async (queue: string) =>
  (
    (await host.manage('GET', `queues/${host.name}/${queue}/bindings`)) as { source: string; routing_key: string }[]
  ).filter(({ source }) => source !== '');

/** The topology with one more queue, that other topologies then lack. */
const withAudit: Topology = {
  ...topology,
  queues: [...topology.queues, { name: 'audit', arguments: topology.queues[0]!.arguments }],
  bindings: [...topology.bindings, { exchange: 'orders', queue: 'audit', routingKey: 'order.#' }],
  policies: topology.policies!.map((policy) => ({ ...policy, queues: [...policy.queues, 'audit'] })),
};

const send = (queue: string) => {
  host.channel.sendToQueue(queue, Buffer.from('precious'), { persistent: true });
  return eventually('the message', async () => (await host.channel.checkQueue(queue)).messageCount > 0);
};

describe('a plan', () => {
  test('shows everything that is missing as a diff, and changes nothing', async () => {
    const lines = await plan(topology);
    expect(lines).toEqual(
      expect.arrayContaining([
        '+ exchange orders (topic)',
        expect.stringMatching(/^\+ queue stock .*x-overflow=reject-publish/),
        expect.stringMatching(/^\+ policy surehop \(priority 10\) .* max-length=500000 overflow=reject-publish/),
        '+ binding orders → stock [order.created]',
      ]),
    );
    expect(lines.every((line) => line.startsWith('+ '))).toBe(true);
    expect(await queueNames()).toEqual([]);
  });

  test('is empty once it was applied, and applying again changes nothing', async () => {
    await applyTopology(broker, topology);
    expect(await plan(topology)).toEqual([]);
    expect(await applyTopology(broker, topology)).toEqual([]);
    expect(verifyTopology(topology, await readBrokerState(broker.api))).toEqual([]);
  });

  test('shows a policy that somebody changed with before and after, and applying sets it right', async () => {
    await applyTopology(broker, topology);
    const path = `policies/${host.name}/surehop`;
    const policy = (await host.manage('GET', path)) as { definition: Record<string, unknown> };
    await host.manage('PUT', path, { ...policy, definition: { ...policy.definition, 'max-length': 7 } });
    expect(await plan(topology)).toEqual(['~ policy surehop: max-length 7 → 500000']);
    await applyTopology(broker, topology);
    expect(await plan(topology)).toEqual([]);
  });

  test('leaves a binding that somebody made by hand, and says so', async () => {
    await applyTopology(broker, topology);
    await host.channel.bindQueue('stock', 'orders', 'order.by-hand');
    expect(await plan(topology)).toEqual(['  binding orders → stock [order.by-hand]: not in the topology']);
    await applyTopology(broker, topology);
    expect((await bindingsOf('stock')).map(({ routing_key: key }) => key)).toContain('order.by-hand');
  });

  test('takes a binding away that was declared before and is no longer', async () => {
    await applyTopology(broker, topology);
    const less = {
      ...topology,
      bindings: topology.bindings.filter(({ routingKey }) => routingKey !== 'order.rejected'),
    };
    expect(await plan(less, topology)).toEqual(['- binding orders → points [order.rejected]']);
    await applyTopology(broker, less, topology);
    expect((await bindingsOf('points')).map(({ routing_key: key }) => key)).toEqual(['order.created']);
  });
});

describe('applying refuses, and changes nothing,', () => {
  test('when a queue has other arguments: it names the queue, the argument, what is there and what was asked', async () => {
    await host.channel.assertQueue('points', {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-max-length': 7, 'x-overflow': 'drop-head' },
    });
    await expect(applyTopology(broker, topology)).rejects.toThrow(
      /queue "points": its x-max-length is 7, but 500000 was asked for; nothing was changed/,
    );
    await expect(applyTopology(broker, topology)).rejects.toThrow(/its x-overflow is drop-head, but reject-publish/);
    expect(await queueNames()).toEqual(['points']);
  });

  test('when an exchange is of another type', async () => {
    await host.channel.assertExchange('orders', 'direct', { durable: true });
    await expect(applyTopology(broker, topology)).rejects.toThrow(
      /exchange "orders": its type is direct, but topic was asked for/,
    );
    expect(await queueNames()).toEqual([]);
  });

  test('when a queue that is no longer wanted still holds a message; it is known from the policy alone', async () => {
    await applyTopology(broker, withAudit);
    await send('audit');
    await expect(applyTopology(broker, topology)).rejects.toThrow(
      /queue "audit" is no longer in the topology, but still holds 1 messages; nothing was changed/,
    );
    expect(await bindingsOf('audit')).toHaveLength(1);
    expect(await host.drain('audit')).toHaveLength(1);
  });

  test('when such a queue has its last message in a consumer’s hands', async () => {
    await applyTopology(broker, withAudit);
    await send('audit');
    await host.channel.get('audit');
    await eventually('the broker counts it as taken', async () => {
      const path = `queues/${host.name}/audit`;
      return ((await host.manage('GET', path)) as { messages_unacknowledged?: number }).messages_unacknowledged === 1;
    });
    await expect(applyTopology(broker, topology, withAudit)).rejects.toThrow(/still holds 1 messages/);
  });
});

test('a queue that is no longer wanted is kept when it is empty, and nothing is routed into it any more', async () => {
  await applyTopology(broker, withAudit);
  expect(await plan(topology)).toEqual(
    expect.arrayContaining([
      '- binding orders → audit [order.#]',
      expect.stringMatching(/^~ policy surehop: pattern .*audit.* → /),
      '  queue "audit": no longer wanted and empty; delete it when you like',
    ]),
  );
  await applyTopology(broker, topology);
  expect(await queueNames()).toContain('audit');
  expect(await bindingsOf('audit')).toEqual([]);
});

test('a queue from RabbitMQ 3, which has no delivery limit among its arguments, is taken as it is, and its messages outlive being returned', async () => {
  for (const { name, arguments: settings } of topology.queues)
    await host.channel.assertQueue(name, { durable: true, arguments: { 'x-queue-type': 'quorum', ...settings } });
  // Without the pause between deliveries, since the limit is the subject.
  const policies = topology.policies!.map((policy) => ({ ...policy, delayedRetry: undefined }));
  await applyTopology(broker, { ...topology, policies });
  expect(verifyTopology(topology, await readBrokerState(broker.api))).toEqual([]);
  await send('stock');
  for (let delivery = 0; delivery < 30; delivery += 1) {
    const message = await eventually('the message again', () => host.channel.get('stock'));
    host.channel.reject(message, true);
  }
  expect(await eventually('the message at last', () => host.channel.get('stock'))).toBeTruthy();
});
