import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { createServer as createSilentServer, type AddressInfo } from 'node:net';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from 'amqplib';

import { topology } from '../../support/example/topology.ts';
import { canLogIn } from '../../../lib/rabbitmq/open-connection.ts';
import { withLogin, type Login } from '../../../lib/rabbitmq/address.ts';
import type { BrokerRole } from '../../../lib/rabbitmq/management/roles.ts';
import type { CustomResourceEvent } from '../../../lib/aws/custom-resource.ts';
import { brokerSettings } from '../../../lib/rabbitmq/settings.ts';
import {
  addressesOf,
  administrator,
  asDeployed,
  firstLogins,
  removeUsers,
  rolesOf,
} from '../../support/deployed-logins.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { anInvocation } from '../../support/delivery.ts';
import { aSecretsManager, type SecretsManager } from '../../support/secrets-manager.ts';

let host: VirtualHost;
let secrets: SecretsManager;
let server: Server;
let answers: Record<string, string>[];
let roles: BrokerRole[];
let logins: Record<string, Login>;
let properties: Record<string, string>;
let handler: (event: CustomResourceEvent, context: { getRemainingTimeInMillis(): number }) => Promise<void>;

beforeAll(async () => {
  host = await aVirtualHost();
  roles = rolesOf(host);
  logins = firstLogins(roles);
  secrets = await aSecretsManager();
  const arn = (role: string) => secrets.create(`${role}-${host.name}`, JSON.stringify(logins[role]));
  properties = {
    ServiceToken: 'arn:aws:lambda:eu-central-1:000000000000:function:apply-topology',
    Topology: JSON.stringify(topology),
    Roles: JSON.stringify(roles),
    PublisherLogin: arn('publisher'),
    ConsumerLogin: arn('consumer'),
    MonitorLogin: arn('monitor'),
  };
  await asDeployed(host, secrets.create('administrator', administrator()));
  ({ handler } = await import('../../../functions/operations/apply-topology.ts'));
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      answers.push(JSON.parse(body) as Record<string, string>);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  await removeUsers(host, roles);
  await host.remove();
  await secrets.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/**
 * Invokes the function of the custom resource. Checks that CloudFormation gets exactly one response, and that the
 * response contains no passwords.
 */
async function send(change: Partial<CustomResourceEvent> = {}, invocation = anInvocation()) {
  answers = [];
  await handler(
    {
      RequestType: 'Create',
      ResponseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      StackId: 'stack',
      RequestId: 'r-1',
      LogicalResourceId: 'T',
      ResourceProperties: properties,
      ...change,
    },
    invocation,
  );
  expect(answers).toHaveLength(1);
  expect(answers[0]).toMatchObject({ PhysicalResourceId: 'broker-topology', RequestId: 'r-1', LogicalResourceId: 'T' });
  expect(JSON.stringify(answers)).not.toMatch(/first-password|guest/);
  return { status: answers[0]!['Status'], reason: answers[0]!['Reason'] };
}

const succeeded = { status: 'SUCCESS', reason: undefined };

const queueNames = async () =>
  ((await host.manage('GET', `queues/${host.name}?columns=name`)) as { name: string }[]).map(({ name }) => name);

describe('custom resource', () => {
  test('the custom resource for the broker creates exchanges, queues, bindings, policies, and users that can log in', async () => {
    expect(await send()).toEqual(succeeded);
    expect((await queueNames()).toSorted()).toEqual(topology.queues.map(({ name }) => name).toSorted());
    const { endpoint } = addressesOf(host);
    for (const login of Object.values(logins)) expect(await canLogIn(endpoint, login)).toBe(true);
  });

  test('the custom resource for the broker reports a failure to CloudFormation even if a setting of its function is wrong', async () => {
    // The test runs the function in its own process, because a process reads its settings only once.
    const program = `
      const { handler } = await import(${JSON.stringify(new URL('../../../functions/operations/apply-topology.ts', import.meta.url).href)});
      await handler(JSON.parse(process.argv[1]), { getRemainingTimeInMillis: () => 20_000, logStreamName: 'log' });`;
    answers = [];
    const event = {
      RequestType: 'Create',
      ResponseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      StackId: 'stack',
      RequestId: 'r-2',
      LogicalResourceId: 'T',
      ResourceProperties: properties,
    };
    await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', program, JSON.stringify(event)],
      { env: { ...process.env, STAGE: 'Not A Stage' } },
    );
    expect(answers).toEqual([expect.objectContaining({ Status: 'FAILED', RequestId: 'r-2' })]);
    expect(answers[0]!['Reason']).toContain('STAGE');
  });

  test('an update of the custom resource for the broker succeeds if nothing has changed', async () => {
    const update = { RequestType: 'Update', PhysicalResourceId: 'broker-topology' } as const;
    expect(await send({ ...update, OldResourceProperties: properties })).toEqual(succeeded);
  });

  test('the custom resource for the broker restores the password, the permissions and the tags of a broker user that somebody changed', async () => {
    const { username } = logins['monitor']!;
    await host.manage('PUT', `users/${username}`, { password: 'changed-by-hand', tags: 'administrator' });
    await host.manage('PUT', `permissions/${host.name}/${username}`, { configure: '.*', write: '.*', read: '.*' });
    await send({ RequestType: 'Update' });
    expect(await canLogIn(addressesOf(host).endpoint, logins['monitor']!)).toBe(true);
    expect(await host.manage('GET', `permissions/${host.name}/${username}`)).toMatchObject({
      configure: '^$',
      write: '^$',
      read: '^$',
    });
    expect(await host.manage('GET', `users/${username}`)).toMatchObject({ tags: ['monitoring'] });
  });

  test('an update of the custom resource for the broker does not set the password of a user again if the broker accepts the current password', async () => {
    const path = `users/${logins['publisher']!.username}`;
    const before = await host.manage('GET', path);
    await send({ RequestType: 'Update' });
    expect(await host.manage('GET', path)).toEqual(before);
  });

  test('the custom resource for the broker fails while a queue that is no longer declared holds a message, and succeeds once the queue is empty', async () => {
    const audit = { name: 'audit', arguments: topology.queues[0]!.arguments };
    const before = JSON.stringify({ ...topology, queues: [...topology.queues, audit] });
    await send({ RequestType: 'Update', ResourceProperties: { ...properties, Topology: before } });
    host.channel.sendToQueue('audit', Buffer.from('precious'), { persistent: true });
    await eventually('the message', async () => (await host.channel.checkQueue('audit')).messageCount === 1);

    const update = { RequestType: 'Update' as const, OldResourceProperties: { ...properties, Topology: before } };
    expect(await send(update)).toEqual({
      status: 'FAILED',
      reason: expect.stringContaining('queue "audit" is no longer declared, but it still holds 1 message'),
    });
    expect(await host.drain('audit')).toHaveLength(1);
    expect(await send(update)).toEqual(succeeded);
    expect(await queueNames()).toContain('audit');
  });

  test('the custom resource for the broker fails if a broker policy contains a setting that can lose messages, and the error names this setting', async () => {
    const path = `policies/${host.name}/hurry`;
    await host.manage('PUT', path, {
      pattern: '^notices$',
      definition: { overflow: 'drop-head' },
      priority: 99,
      'apply-to': 'queues',
    });
    const answer = await send({ RequestType: 'Update' });
    await host.manage('DELETE', path);
    expect(answer).toEqual({ status: 'FAILED', reason: expect.stringContaining('overflow drop-head') });
  });

  test('deleting the custom resource for the broker keeps all queues and messages', async () => {
    host.channel.sendToQueue('loans', Buffer.from('precious'), { persistent: true });
    expect(await send({ RequestType: 'Delete', PhysicalResourceId: 'broker-topology' })).toEqual(succeeded);
    expect(await eventually('the message', () => host.channel.get('loans', { noAck: true }))).toBeTruthy();
  });

  test.each([
    [
      'a topology that is not JSON',
      { Topology: '{' },
      'the property Topology of the custom resource is invalid: it is not JSON',
    ],
    ['a topology with a mistake', { Topology: '{"exchanges":[{"name":"x","type":"banana"}]}' }, 'exchanges.0.type'],
    ['no topology', { Topology: undefined }, 'the property Topology of the custom resource must be JSON text'],
    ['no secret for a role', { ConsumerLogin: undefined }, 'no secret for the role consumer: set ConsumerLogin'],
    ['a secret of another role', { ConsumerLogin: 'PublisherLogin' }, 'the login of role consumer names the user'],
    ['a secret that is not there', { ConsumerLogin: 'arn:nowhere' }, "can't find the specified secret"],
  ])(
    'the custom resource for the broker reports %s to CloudFormation as a failure',
    async (_, change: Record<string, string | undefined>, reason) => {
      const given = Object.entries(change).map(([name, value]) => [name, properties[value ?? ''] ?? value]);
      const answer = await send({ ResourceProperties: { ...properties, ...Object.fromEntries(given) } });
      expect(answer).toEqual({ status: 'FAILED', reason: expect.stringContaining(reason) });
    },
  );
});

test('if the broker does not answer, the custom resource for the broker reports a failure to CloudFormation before its function times out', async () => {
  const silent = createSilentServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const { port } = silent.address() as AddressInfo;
  const { customResource } = await import('../../../lib/aws/custom-resource.ts');
  const { brokerAccess } = await import('../../../lib/rabbitmq/management/management-api.ts');
  const { applyTopology } = await import('../../../lib/rabbitmq/topology/apply.ts');
  const { surehop } = await import('../../../functions/surehop.ts');
  handler = customResource('broker-topology', {
    async apply({ signal }) {
      const settings = { ...surehop.settings(brokerSettings), MANAGEMENT_URL: `http://127.0.0.1:${port}` };
      await applyTopology(await brokerAccess(settings, { timeoutMs: 60_000, signal }), topology);
    },
  });
  const invocation = anInvocation(10_500);
  const answer = await send({}, invocation);
  silent.close();
  expect(invocation.getRemainingTimeInMillis()).toBeGreaterThan(0);
  expect(answer).toEqual({
    status: 'FAILED',
    reason: expect.stringContaining('not finished before the function timed out'),
  });
});

describe('permissions', () => {
  const channelOf = async (role: string) => {
    const model = await connect(withLogin(addressesOf(host).endpoint, logins[role]!));
    model.on('error', () => {});
    return {
      may: async (attempt: (channel: Awaited<ReturnType<typeof model.createConfirmChannel>>) => Promise<unknown>) => {
        const channel = await model.createConfirmChannel();
        channel.on('error', () => {});
        return attempt(channel).then(
          () => true,
          () => false,
        );
      },
      close: () => model.close(),
    };
  };
  const publish = (exchange: string, routingKey: string) => async (channel: import('amqplib').ConfirmChannel) => {
    channel.publish(exchange, routingKey, Buffer.from('x'), { persistent: true });
    await channel.waitForConfirms();
  };
  test('the broker user of the publisher may only publish, and only to the exchanges of the topology and to the default exchange', async () => {
    const publisher = await channelOf('publisher');
    for (const { name } of topology.exchanges) expect(await publisher.may(publish(name, 'loans'))).toBe(true);
    expect(await publisher.may(publish('', 'loans'))).toBe(true);
    expect(await publisher.may(publish('amq.topic', 'loans'))).toBe(false);
    expect(await publisher.may((channel) => channel.get('loans'))).toBe(false);
    expect(await publisher.may((channel) => channel.deleteQueue('loans'))).toBe(false);
    expect(await publisher.may((channel) => channel.assertQueue('own', { durable: true }))).toBe(false);
    await publisher.close();
  });

  test('the broker user of the consumers has only read permission, and only for the queues that have event sources', async () => {
    const consumer = await channelOf('consumer');
    for (const queue of ['loans', 'notices', 'dead-letters']) {
      expect(await consumer.may((channel) => channel.checkQueue(queue))).toBe(true);
      expect(await consumer.may((channel) => channel.consume(queue, () => {}))).toBe(true);
    }
    expect(await consumer.may((channel) => channel.get('retry.1s'))).toBe(false);
    expect(await consumer.may(publish('library', 'loan.created'))).toBe(false);
    expect(await consumer.may(publish('', 'loans'))).toBe(false);
    expect(await consumer.may((channel) => channel.purgeQueue('retry.1s'))).toBe(false);
    await consumer.close();
  });

  test('the broker user for monitoring may read the list of queues, but no messages', async () => {
    const { managementUrl } = addressesOf(host);
    const { username, password } = logins['monitor']!;
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const ask = async (path: string, init: RequestInit = {}) =>
      (await fetch(new URL(`/api/${path}`, managementUrl), { ...init, headers: { authorization } })).status;
    expect(await ask(`queues/${host.name}?columns=name`)).toBe(200);
    const body = JSON.stringify({ count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' });
    expect(await ask(`queues/${host.name}/loans/get`, { method: 'POST', body })).not.toBe(200);
    expect(await ask('users')).not.toBe(200);
    expect(await ask(`queues/${host.name}/loans/contents`, { method: 'DELETE' })).not.toBe(204);
  });
});
