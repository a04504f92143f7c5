import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { reach } from '../../../infra/dev/runtime/broker/prepare.ts';
import type { BrokerAccess } from '../../../lib/rabbitmq/management/management-api.ts';
import { readBrokerState } from '../../../lib/rabbitmq/topology/broker-state.ts';
import { applyTopology } from '../../../lib/rabbitmq/topology/apply.ts';
import { readQueueFigures } from '../../../lib/rabbitmq/management/queue-figures.ts';
import { hasDelayedRetry, readVersion } from '../../../lib/rabbitmq/topology/by-version.ts';
import { defineTopology } from '../../../lib/rabbitmq/topology/define.ts';
import { readAllSettings } from '../../../lib/settings.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { queuesWith } from '../../support/topology.ts';

const queues = queuesWith({ notices: { ordered: true } });
const topology = defineTopology(queues);

let host: VirtualHost;
let broker: BrokerAccess;
let delays: boolean;
beforeEach(async () => {
  host = await aVirtualHost();
  broker = reach(host.amqpUrl, process.env['MANAGEMENT_URL']);
  await applyTopology(broker, topology);
  delays = hasDelayedRetry(readVersion((await readBrokerState(broker.api)).version));
});
afterEach(() => host.remove());

/** Starts a consumer that returns each message to the queue immediately and counts the deliveries. */
async function returning(queue: string): Promise<() => number> {
  let deliveries = 0;
  await host.channel.consume(queue, (message) => {
    deliveries += 1;
    if (message) host.channel.nack(message, false, true);
  });
  return () => deliveries;
}

test('RabbitMQ 4.3 and later delay the redelivery of a returned message, except in queues that keep order per key; earlier versions always redeliver the message immediately', async () => {
  for (const queue of ['loans', 'notices'])
    host.channel.sendToQueue(queue, Buffer.from('returned'), { persistent: true });
  const [paced, unpaced] = [await returning('loans'), await returning('notices')];
  await eventually('the ordered queue delivers its message a hundred times', async () => unpaced() >= 100);
  await eventually('both queues delivered', async () => paced() > 0);
  const isPaced = paced() < unpaced() / 10;
  if (!delays) await eventually('the other queue delivers its message a hundred times', async () => paced() >= 100);
  expect(delays ? isPaced : paced() >= 100).toBe(true);
});

test('applying a topology that omits a queue fails while the queue holds a message, even if the message was requeued and the broker delays its redelivery', async () => {
  const policies = topology.policies!.map((policy) => ({
    ...policy,
    delayedRetry: policy.delayedRetry && HALF_A_MINUTE,
  }));
  await applyTopology(broker, { ...topology, policies });
  host.channel.sendToQueue('loans', Buffer.from('precious'), { persistent: true });
  const message = await eventually('the message', () => host.channel.get('loans'));
  host.channel.nack(message, false, true);
  const without = defineTopology({ notices: queues.notices });
  const management = readAllSettings({ AMQP_URL: host.amqpUrl, MANAGEMENT_URL: process.env['MANAGEMENT_URL'] });
  if (delays)
    await eventually('the broker counts the message as delayed', async () => {
      const figures = await readQueueFigures({ ...management, MANAGEMENT_URL: management.MANAGEMENT_URL! }, 5_000);
      return figures.find(({ name }) => name === 'loans')?.delayed === 1;
    });
  await expect(applyTopology(broker, without, topology)).rejects.toThrow(
    /queue "loans" is no longer declared, but it still holds 1 message/,
  );
});

const HALF_A_MINUTE = { minMs: 30_000, maxMs: 30_000 };
