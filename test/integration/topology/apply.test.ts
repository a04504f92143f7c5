import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { reach } from '../../../infra/dev/runtime/broker/prepare.ts';
import { topology } from '../../support/example/topology.ts';
import type { BrokerAccess } from '../../../lib/rabbitmq/management/management-api.ts';
import { applyTopology, readDiff } from '../../../lib/rabbitmq/topology/apply.ts';
import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { planLine } from '../../../lib/rabbitmq/topology/describe.ts';
import type { Topology } from '../../../lib/rabbitmq/topology/topology.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { topologyWith } from '../../support/topology.ts';

let host: VirtualHost;
let broker: BrokerAccess;
beforeEach(async () => {
  host = await aVirtualHost();
  broker = reach(host.amqpUrl, process.env['MANAGEMENT_URL']);
});
afterEach(() => host.remove());

const plan = async (declared: Topology, previous?: Topology) =>
  (await readDiff(broker, declared, previous)).map(planLine);

const queueNames = async () =>
  ((await host.manage('GET', `queues/${host.name}?columns=name`)) as { name: string }[]).map(({ name }) => name);

const bindingsOf = async (queue: string) =>
  (
    (await host.manage('GET', `queues/${host.name}/${queue}/bindings`)) as { source: string; routing_key: string }[]
  ).filter(({ source }) => source !== '');

const withAudit = topologyWith({}, { audit: workQueue('audit', { bindings: { library: ['loan.#'] } }) });

const send = (queue: string) => {
  host.channel.sendToQueue(queue, Buffer.from('precious'), { persistent: true });
  return eventually('the message', async () => (await host.channel.checkQueue(queue)).messageCount > 0);
};

describe('plan', () => {
  test('the plan for a topology lists everything that is missing on the broker, and making the plan changes nothing on the broker', async () => {
    const lines = await plan(topology);
    expect(lines).toEqual(
      expect.arrayContaining([
        '+ exchange library (topic)',
        expect.stringMatching(/^\+ queue loans .*x-overflow=reject-publish/),
        expect.stringMatching(/^\+ policy surehop \(priority 10\) .* max-length=500000 overflow=reject-publish/),
        '+ binding library → loans [loan.created]',
      ]),
    );
    expect(lines.every((line) => line.startsWith('+ '))).toBe(true);
    expect(await queueNames()).toEqual([]);
  });

  test('the plan for a topology is empty after the topology was applied, and applying the topology again changes nothing', async () => {
    await applyTopology(broker, topology);
    expect(await plan(topology)).toEqual([]);
    expect(await applyTopology(broker, topology)).toEqual([]);
  });

  test('the plan for a topology shows the actual and the declared setting of a policy that somebody changed, and applying the topology restores the policy', async () => {
    await applyTopology(broker, topology);
    const path = `policies/${host.name}/surehop`;
    const policy = (await host.manage('GET', path)) as { definition: Record<string, unknown> };
    await host.manage('PUT', path, { ...policy, definition: { ...policy.definition, 'max-length': 7 } });
    expect(await plan(topology)).toEqual(['~ policy surehop: max-length 7 → 500000']);
    await applyTopology(broker, topology);
    expect(await plan(topology)).toEqual([]);
  });

  test('the plan for a topology names a binding that somebody added by hand, and applying the topology keeps that binding', async () => {
    await applyTopology(broker, topology);
    await host.channel.bindQueue('loans', 'library', 'order.by-hand');
    expect(await plan(topology)).toEqual(['  binding library → loans [order.by-hand] is not declared and stays']);
    await applyTopology(broker, topology);
    expect((await bindingsOf('loans')).map(({ routing_key: key }) => key)).toContain('order.by-hand');
  });

  test('applying a topology removes a binding that the previous topology declared and the new one does not', async () => {
    await applyTopology(broker, topology);
    const less = {
      ...topology,
      bindings: topology.bindings.filter(({ routingKey }) => routingKey !== 'loan.rejected'),
    };
    expect(await plan(less, topology)).toEqual(['- binding library → notices [loan.rejected]']);
    await applyTopology(broker, less, topology);
    expect((await bindingsOf('notices')).map(({ routing_key: key }) => key)).toEqual(['loan.created']);
  });
});

describe('refusals', () => {
  test('applying a topology fails and changes nothing if the arguments of a queue on the broker differ from the declared ones, and the error names each differing argument', async () => {
    await host.channel.assertQueue('notices', {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-max-length': 7, 'x-overflow': 'drop-head' },
    });
    const applying = applyTopology(broker, topology);
    await expect(applying).rejects.toThrow(
      /nothing was changed on the broker, because an operator must first correct these differences: .*queue "notices" has x-max-length 7, declared is 500000\. Immutable: drain and delete/,
    );
    await expect(applying).rejects.toThrow(/queue "notices" has x-overflow drop-head, declared is reject-publish/);
    expect(await queueNames()).toEqual(['notices']);
  });

  test('applying a topology fails and changes nothing on the broker if an exchange on the broker has another type than declared', async () => {
    await host.channel.assertExchange('library', 'direct', { durable: true });
    await expect(applyTopology(broker, topology)).rejects.toThrow(
      /exchange "library" has type direct, declared is topic/,
    );
    expect(await queueNames()).toEqual([]);
  });

  test('applying a topology fails and changes nothing on the broker if a foreign policy takes precedence over the declared policy', async () => {
    const policy = { pattern: '.*', definition: { 'max-length': 9 }, priority: 99, 'apply-to': 'all' };
    await host.manage('PUT', `policies/${host.name}/theirs`, policy);
    await expect(applyTopology(broker, topology)).rejects.toThrow(
      /queue "loans" follows the policy "theirs" \(priority 99\) instead of "surehop-paced" \(priority 10\)/,
    );
    expect(await queueNames()).toEqual([]);
  });

  test('applying a topology that omits a non-empty work queue fails and changes nothing on the broker, even if the previously applied topology is unknown', async () => {
    await applyTopology(broker, withAudit);
    await send('audit');
    await expect(applyTopology(broker, topology)).rejects.toThrow(
      /nothing was changed on the broker, because an operator must first correct these differences: queue "audit" is no longer declared, but it still holds 1 message\./,
    );
    expect(await bindingsOf('audit')).toHaveLength(1);
    expect(await host.drain('audit')).toHaveLength(1);
  });

  test('applying a topology fails if the topology omits a work queue that still has an unacknowledged message', async () => {
    await applyTopology(broker, withAudit);
    await send('audit');
    await host.channel.get('audit');
    await eventually('the broker counts the message as unacknowledged', async () => {
      const path = `queues/${host.name}/audit`;
      return ((await host.manage('GET', path)) as { messages_unacknowledged?: number }).messages_unacknowledged === 1;
    });
    await expect(applyTopology(broker, topology, withAudit)).rejects.toThrow(/still holds 1 message/);
  });
});

test('applying a topology that omits an empty work queue removes the bindings of this queue, but does not delete the queue', async () => {
  await applyTopology(broker, withAudit);
  expect(await plan(topology)).toEqual(
    expect.arrayContaining([
      '- binding library → audit [loan.#]',
      expect.stringMatching(/^~ policy surehop-paced: pattern .*audit.* → /),
      expect.stringMatching(/^\+ policy surehop-retired .*audit/),
      '  queue "audit" is no longer declared and is empty: after this topology is applied, it can be removed',
    ]),
  );
  await applyTopology(broker, topology);
  expect(await plan(topology)).toEqual([
    '  queue "audit" is no longer used and empty: remove it with "topology remove audit"',
  ]);
  expect(await queueNames()).toContain('audit');
  expect(await bindingsOf('audit')).toEqual([]);
});

test('after the topology is applied to queues that RabbitMQ 3 created without a delivery limit, a message can be requeued 30 times without being lost', async () => {
  for (const { name, arguments: settings } of topology.queues)
    await host.channel.assertQueue(name, { durable: true, arguments: { 'x-queue-type': 'quorum', ...settings } });
  // The policies do not delay redeliveries here, so that 30 returns take no time.
  const policies = topology.policies!.map((policy) => ({ ...policy, delayedRetry: undefined }));
  await applyTopology(broker, { ...topology, policies });
  expect((await readDiff(broker, topology)).filter(({ losesMessages }) => losesMessages)).toEqual([]);
  await send('loans');
  for (let delivery = 0; delivery < 30; delivery += 1) {
    const message = await eventually('the message again', () => host.channel.get('loans'));
    host.channel.reject(message, true);
  }
  expect(await eventually('the message at last', () => host.channel.get('loans'))).toBeTruthy();
});
