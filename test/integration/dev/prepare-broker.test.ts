import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { prepareBroker } from '../../../infra/dev/runtime/broker/prepare.ts';
import { topology } from '../../support/example/topology.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';

let host: VirtualHost;
let said: string[];
beforeEach(async () => {
  host = await aVirtualHost();
  said = [];
});
afterEach(() => host.remove());

const prepare = (managementUrl = process.env['MANAGEMENT_URL']!) =>
  prepareBroker({ amqpUrl: host.amqpUrl, managementUrl }, (line) => said.push(line), { wanted: topology });

const queueCount = async () => ((await host.manage('GET', `queues/${host.name}?columns=name`)) as unknown[]).length;

test('prepareBroker applies the topology to the broker, and a second call changes nothing', async () => {
  await prepare();
  await prepare();
  expect(await queueCount()).toBe(topology.queues.length);
  expect(said).toEqual([]);
});

test('prepareBroker fails if a policy of the broker can lose messages, and the error names the queue and the policy', async () => {
  await host.manage('PUT', `policies/${host.name}/hurry`, {
    pattern: '^loans$',
    definition: { 'delivery-limit': 2 },
    priority: 99,
    'apply-to': 'queues',
  });
  await expect(prepare()).rejects.toMatchObject({
    name: 'Problem',
    message: expect.stringMatching(
      /nothing was changed on the broker, because an operator must first correct these differences: (.*)"loans" has a delivery limit of 2 \(policy "hurry"\)/,
    ),
  });
});

test('prepareBroker fails if the arguments of an existing queue differ from the declared ones, and the error names the queue and the argument', async () => {
  await host.channel.assertQueue('loans', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await expect(prepare()).rejects.toMatchObject({
    name: 'Problem',
    message: expect.stringContaining('queue "loans" has x-max-length not set, declared is 500000'),
  });
});

test('prepareBroker declares the topology even if the management API is unavailable, and reports that broker settings are not verified', async () => {
  await prepare('http://127.0.0.1:65000');
  expect(await queueCount()).toBe(topology.queues.length);
  expect(said).toEqual([
    expect.stringMatching(
      /^the settings of the broker were not verified and its policies were not set: .*ECONNREFUSED/,
    ),
  ]);
});
