import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { prepareBroker } from '../../../infra/dev/runtime/broker/prepare.ts';
import { topology } from '../../../infra/topology.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';

let host: VirtualHost;
let said: string[];
beforeEach(async () => {
  host = await aVirtualHost();
  said = [];
});
afterEach(() => host.remove());

const prepare = (managementUrl = process.env['MANAGEMENT_URL']!) =>
  prepareBroker({ amqpUrl: host.amqpUrl, managementUrl }, (line) => said.push(line));

const queueCount = async () => ((await host.manage('GET', `queues/${host.name}?columns=name`)) as unknown[]).length;

test('a broker is set up before the service starts, as often as it starts', async () => {
  await prepare();
  await prepare();
  expect(await queueCount()).toBe(topology.queues.length);
  expect(said).toEqual([]);
});

test('the service does not start with a broker whose settings would lose messages, and says which', async () => {
  await host.manage('PUT', `policies/${host.name}/hurry`, {
    pattern: '^stock$',
    definition: { 'delivery-limit': 2 },
    priority: 99,
    'apply-to': 'queues',
  });
  await expect(prepare()).rejects.toMatchObject({
    name: 'Problem',
    message: expect.stringMatching(/nothing was changed: (.*)"stock" has a delivery limit of 2 \(policy "hurry"\)/),
  });
});

test('a queue with other arguments is a problem in one line', async () => {
  await host.channel.assertQueue('stock', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await expect(prepare()).rejects.toMatchObject({
    name: 'Problem',
    message: expect.stringContaining('queue "stock" has x-max-length not set, declared is 500000'),
  });
});

test('somebody’s broker without a management API is set up all the same, and what could not be looked at is said', async () => {
  await prepare('http://127.0.0.1:65000');
  expect(await queueCount()).toBe(topology.queues.length);
  expect(said).toEqual([expect.stringMatching(/^the settings of the broker are not verified.*ECONNREFUSED/)]);
});
