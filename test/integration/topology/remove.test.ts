import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { reach } from '../../../infra/dev/runtime/broker/prepare.ts';
import { topology } from '../../support/example/topology.ts';
import type { BrokerAccess } from '../../../lib/rabbitmq/management/management-api.ts';
import { applyTopology, readDiff } from '../../../lib/rabbitmq/topology/apply.ts';
import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { planLine } from '../../../lib/rabbitmq/topology/describe.ts';
import { removeRetiredQueue } from '../../../lib/rabbitmq/topology/remove.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { topologyWith } from '../../support/topology.ts';

const shippingWith = (delays: string[]) =>
  topologyWith({}, { shipping: workQueue('shipping', { delays, bindings: { library: ['order.shipped'] } }) });

let host: VirtualHost;
let broker: BrokerAccess;
beforeEach(async () => {
  host = await aVirtualHost();
  broker = reach(host.amqpUrl, process.env['MANAGEMENT_URL']);
  await applyTopology(broker, shippingWith(['8s']));
});
afterEach(() => host.remove());

const remove = (queue: string, declared = topology, figuresMs = 100) =>
  removeRetiredQueue(broker, declared, queue, figuresMs);

const plan = async (declared = topology) => (await readDiff(broker, declared)).map(planLine);

const namesOf = async (kind: 'queues' | 'exchanges') =>
  ((await host.manage('GET', `${kind}/${host.name}?columns=name`)) as { name: string }[]).map(({ name }) => name);

test('a delay queue that is no longer used still returns its messages to their work queues, and can be removed once it is empty', async () => {
  const declared = shippingWith(['1s']);
  host.channel.publish('retry.8s', 'shipping', Buffer.from('waiting'), { persistent: true, messageId: 'm' });
  await eventually('the message waits', async () => (await host.channel.checkQueue('retry.8s')).messageCount === 1);
  await applyTopology(broker, declared);
  expect(await plan(declared)).toEqual([
    '  queue "retry.8s" is no longer used and returns its 1 message to their work queues',
  ]);
  await expect(remove('retry.8s', declared)).rejects.toThrow(
    'queue "retry.8s" was not removed: it still holds 1 message: try again when these messages are gone',
  );

  const returned = await eventually('the message returns', () => host.channel.get('shipping', { noAck: true }));
  expect(returned).toMatchObject({ properties: { messageId: 'm' } });
  const report = '  queue "retry.8s" is no longer used and empty: remove it with "topology remove retry.8s"';
  await eventually('the queue is reported as empty', async () => (await plan(declared)).includes(report));
  // A consumer of the previous release may still publish to the delay queue.
  host.channel.publish('retry.8s', 'shipping', Buffer.from('late'), { persistent: true, expiration: '100' });
  await eventually('the late message returns', () => host.channel.get('shipping', { noAck: true }));
  await eventually('the queue is reported as empty again', async () => (await plan(declared)).includes(report));

  await remove('retry.8s', declared);
  expect(await namesOf('queues')).not.toContain('retry.8s');
  expect(await namesOf('exchanges')).not.toContain('retry.8s');
  expect(await plan(declared)).toEqual([]);
});

test('a delay queue is not removed and gets its binding back if it receives a message during the removal', async () => {
  const declared = shippingWith(['1s']);
  await applyTopology(broker, declared);
  const removing = remove('retry.8s', declared, 1_000);
  await eventually('the binding is gone', async () => {
    const bindings = (await host.manage('GET', `exchanges/${host.name}/retry.8s/bindings/source`)) as unknown[];
    return bindings.length === 0;
  });
  host.channel.sendToQueue('retry.8s', Buffer.from('precious'), { persistent: true });
  await expect(removing).rejects.toThrow(/"retry.8s" was not removed: it still holds 1 message/);
  host.channel.publish('retry.8s', 'shipping', Buffer.from('x'), { persistent: true });
  await eventually('both messages wait', async () => (await host.channel.checkQueue('retry.8s')).messageCount === 2);
});

test('a delay queue cannot be removed while its exchange also routes messages to a queue of another application', async () => {
  await applyTopology(broker, shippingWith(['1s']));
  await host.channel.assertQueue('theirs', { durable: true });
  await host.channel.bindQueue('theirs', 'retry.8s', '');
  await expect(remove('retry.8s', shippingWith(['1s']))).rejects.toThrow('its exchange also routes to "theirs"');
  expect(await plan(shippingWith(['1s']))).toContainEqual(
    expect.stringContaining('"retry.8s" is no longer used and empty'),
  );
});

test('a work queue that is no longer declared can be removed only if it has no consumer and all delay queues of the service are empty', async () => {
  await applyTopology(broker, topology);
  const { consumerTag } = await host.channel.consume('shipping', () => {});
  const consumers = async () =>
    ((await host.manage('GET', `queues/${host.name}/shipping`)) as { consumers?: number }).consumers;
  await eventually('the broker reports the consumer', async () => (await consumers()) === 1);
  await expect(remove('shipping')).rejects.toThrow('it has 1 consumer: stop it, then try again');
  await host.channel.cancel(consumerTag);
  await eventually('the broker reports no consumer', async () => (await consumers()) === 0);

  host.channel.publish('retry.4s', 'loans', Buffer.from('waiting'), { persistent: true });
  await eventually('the message waits', async () => (await host.channel.checkQueue('retry.4s')).messageCount === 1);
  await expect(remove('shipping')).rejects.toThrow('was not removed: messages in retry.4s may return to it');
  await host.channel.purgeQueue('retry.4s');

  await eventually('the queue is removed', () =>
    remove('shipping').then(
      () => true,
      () => false,
    ),
  );
  expect(await namesOf('queues')).not.toContain('shipping');
  expect(await plan()).toEqual([
    '  queue "retry.8s" is no longer used and empty: remove it with "topology remove retry.8s"',
  ]);
});

test.each([
  ['the service still uses', 'loans'],
  ['somebody else declared', 'theirs'],
  ['does not exist', 'nowhere'],
])('a queue that %s cannot be removed: the removal fails and deletes no queue', async (_, queue) => {
  await applyTopology(broker, topology);
  await host.channel.assertQueue('theirs', { durable: true });
  const before = await namesOf('queues');
  await expect(remove(queue)).rejects.toThrow(
    new RegExp(
      `queue "${queue}" is not a retired queue of this service; retired queues: (retry.8s, shipping|shipping, retry.8s)`,
    ),
  );
  expect(await namesOf('queues')).toEqual(before);
});

test('a queue cannot be removed while the topology that was applied last uses it, even if the local topology no longer declares it', async () => {
  await expect(remove('retry.8s', shippingWith(['1s']))).rejects.toThrow(
    'queue "retry.8s" was not removed: the topology that was applied last still uses it',
  );
  expect(await plan(shippingWith(['1s']))).toContain(
    '  queue "retry.8s" is no longer declared and is empty: after this topology is applied, it can be removed',
  );
  expect(await namesOf('queues')).toContain('retry.8s');
  expect(await namesOf('exchanges')).toContain('retry.8s');
});
