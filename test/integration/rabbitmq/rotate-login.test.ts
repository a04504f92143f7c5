import { randomUUID } from 'node:crypto';

import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { connect } from 'amqplib';

import { reach } from '../../../infra/dev/runtime/broker/prepare.ts';
import { topology } from '../../support/example/topology.ts';
import type { BrokerAccess } from '../../../lib/rabbitmq/management/management-api.ts';
import { ensureUsers } from '../../../lib/rabbitmq/management/users.ts';
import { createConnection } from '../../../lib/rabbitmq/connection.ts';
import { applyTopology } from '../../../lib/rabbitmq/topology/apply.ts';
import { canLogIn } from '../../../lib/rabbitmq/open-connection.ts';
import { withLogin, type Login } from '../../../lib/rabbitmq/address.ts';
import { brokerUrl } from '../../../lib/rabbitmq/login.ts';
import { createPublisher } from '../../../lib/rabbitmq/publisher.ts';
import type { BrokerRole } from '../../../lib/rabbitmq/management/roles.ts';
import { loginRotation } from '../../../lib/rabbitmq/management/rotate-login.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { readAllSettings } from '../../../lib/settings.ts';
import { rotate, type RotationEvent } from '../../../lib/aws/rotation.ts';
import { addressesOf, firstLogins, removeUsers, rolesOf } from '../../support/deployed-logins.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { aSecretsManager, type SecretsManager } from '../../support/secrets-manager.ts';

const steps = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const;

let host: VirtualHost;
let broker: BrokerAccess;
let endpoint: string;
let secrets: SecretsManager;
let client: SecretsManagerClient;
let roles: BrokerRole[];
let logins: Record<string, Login>;
let arn: string;

beforeAll(async () => {
  secrets = await aSecretsManager();
  client = new SecretsManagerClient({});
});
afterAll(async () => {
  client.destroy();
  await secrets.stop();
});

beforeEach(async () => {
  host = await aVirtualHost();
  ({ endpoint } = addressesOf(host));
  broker = reach(host.amqpUrl, process.env['MANAGEMENT_URL']);
  roles = rolesOf(host);
  logins = firstLogins(roles);
  await applyTopology(broker, topology);
  for (const role of roles) await ensureUsers(broker, role, logins[role.name]!);
  arn = secrets.create(`consumer-${host.name}`, JSON.stringify(logins['consumer']));
});
afterEach(async () => {
  await removeUsers(host, roles);
  await host.remove();
});

const current = (secretArn = arn) => JSON.parse(secrets.current(secretArn)) as Login;

const step = (Step: RotationEvent['Step'], ClientRequestToken: string, SecretId = arn, through = broker) =>
  rotate(
    client,
    { Step, SecretId, ClientRequestToken },
    loginRotation(async () => through, roles),
  );

const messageOf = (refused: Promise<void>) =>
  refused.then(
    () => 'not refused',
    (error: Error) => error.message,
  );

async function rotateOnce(secretArn = arn): Promise<void> {
  const token = secrets.beginRotation(secretArn);
  for (const name of steps) await step(name, token, secretArn);
}

describe('rotation', () => {
  test('the rotation of a login alternates between two broker users, and the broker accepts the current login after every step', async () => {
    const seen: string[] = [];
    for (let rotation = 0; rotation < 3; rotation += 1) {
      const token = secrets.beginRotation(arn);
      for (const name of steps) {
        await step(name, token);
        expect(await canLogIn(endpoint, current())).toBe(true);
      }
      seen.push(current().username.slice(0, 10));
    }
    expect(seen).toEqual(['consumer-b', 'consumer-a', 'consumer-b']);
  });

  test('the rotation of a login keeps the previous login valid until the next rotation', async () => {
    const first = current();
    await rotateOnce();
    expect(await canLogIn(endpoint, first)).toBe(true);
    await rotateOnce();
    expect(await canLogIn(endpoint, first)).toBe(false);
  });

  test('the rotation of a login creates a 256-bit password without characters that must be escaped in a URL, and gives the user the permissions of the role', async () => {
    await rotateOnce();
    const { username, password } = current();
    expect(password).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const { configure, write, read } = roles.find(({ name }) => name === 'consumer')!;
    expect(await host.manage('GET', `permissions/${host.name}/${username}`)).toMatchObject({ configure, write, read });
    expect(await host.manage('GET', `users/${username}`)).toMatchObject({ tags: [] });
  });

  test('the rotation of a login has the same result if every step runs twice or all steps run again after the last one', async () => {
    const token = secrets.beginRotation(arn);
    for (const name of steps) {
      await step(name, token);
      await step(name, token);
    }
    const after = current();
    for (const name of steps) await step(name, token);
    expect(current()).toEqual(after);
    expect(await canLogIn(endpoint, after)).toBe(true);
    expect(Object.values(secrets.labels(arn)).toSorted()).toEqual([['AWSCURRENT', 'AWSPENDING'], ['AWSPREVIOUS']]);
  });

  test('the rotation of a login creates one password even if createSecret runs three times concurrently', async () => {
    const token = secrets.beginRotation(arn);
    await Promise.all([step('createSecret', token), step('createSecret', token), step('createSecret', token)]);
    for (const name of steps.slice(1)) await step(name, token);
    expect(await canLogIn(endpoint, current())).toBe(true);
  });

  test('if the broker refuses the new login, the rotation fails before this login becomes current', async () => {
    const before = current();
    const token = secrets.beginRotation(arn);
    await step('createSecret', token);
    await expect(step('testSecret', token)).rejects.toThrow(/broker refuses the new login of consumer-b/);
    await expect(step('finishSecret', token)).rejects.toThrow(/broker refuses the new login of consumer-b/);
    expect(current()).toEqual(before);
    for (const name of steps) await step(name, token);
    expect(current().username).toContain('consumer-b');
  });

  test('testSecret can run without the other rotation steps, because Secrets Manager runs only testSecret when rotation is switched on without an immediate rotation', async () => {
    const before = current();
    await step('testSecret', secrets.beginRotation(arn));
    expect(current()).toEqual(before);
    await host.manage('PUT', `users/${before.username}`, { password: 'another', tags: '' });
    await expect(step('testSecret', secrets.beginRotation(arn))).rejects.toThrow(/refuses the new login/);
  });

  test('while the broker is unavailable, rotating a login fails and leaves the current login unchanged; a later attempt succeeds', async () => {
    const before = current();
    const unreachable = reach('amqp://guest:guest@127.0.0.1:9', 'http://guest:guest@127.0.0.1:65000');
    const token = secrets.beginRotation(arn);
    await step('createSecret', token);
    const failure = await messageOf(step('setSecret', token, arn, unreachable));
    expect(failure).toMatch(/127\.0\.0\.1:65000.*ECONNREFUSED/);
    expect(failure).not.toMatch(/guest|password/);
    expect(current()).toEqual(before);
    for (const name of steps) await step(name, token);
    expect(await canLogIn(endpoint, current())).toBe(true);
  });

  test('while a client is connected as a broker user, a rotation that would set a new password for this user fails and changes nothing', async () => {
    await rotateOnce();
    const model = await connect(withLogin(endpoint, logins['consumer']!));
    model.on('error', () => {});
    const { username } = logins['consumer']!;
    await eventually('the broker counts the connection', async () => {
      return ((await host.manage('GET', `connections/username/${username}`)) as unknown[]).length === 1;
    });
    const before = current();
    const token = secrets.beginRotation(arn);
    await step('createSecret', token);
    await expect(step('setSecret', token)).rejects.toThrow(
      /the login was not rotated, because 1 connection still uses the user consumer-a.*, whose password would change: wait until the user has no connection/,
    );
    expect(current()).toEqual(before);
    expect(await canLogIn(endpoint, logins['consumer']!)).toBe(true);
    await model.close();
    await eventually('the broker forgets the connection', async () => {
      return ((await host.manage('GET', `connections/username/${username}`)) as unknown[]).length === 0;
    });
    for (const name of steps) await step(name, token);
    expect(await canLogIn(endpoint, current())).toBe(true);
  });

  test('the rotation of a login fails if the secret contains an unknown user or invalid JSON, and the error does not contain the secret', async () => {
    const other = secrets.create(randomUUID(), JSON.stringify({ username: 'stranger', password: 'hush-hush' }));
    const failure = await messageOf(step('createSecret', secrets.beginRotation(other), other));
    expect(failure).toMatch(/user "stranger", which belongs to no role; known users: publisher-a/);
    const broken = secrets.create(randomUUID(), 'hush-hush');
    const unread = await messageOf(step('createSecret', secrets.beginRotation(broken), broken));
    expect(unread).toMatch(/must be JSON with "username" and "password"/);
    expect(`${failure} ${unread}`).not.toContain('hush');
  });
});

describe('clients during a rotation', () => {
  test('a consumer keeps its connection and continues to consume while its login is rotated', async () => {
    const model = await connect(withLogin(endpoint, current()));
    const lost: unknown[] = [];
    model.on('error', (error) => lost.push(error)).on('close', (error) => lost.push(error));
    const channel = await model.createChannel();
    const taken: string[] = [];
    await channel.consume('loans', (message) => {
      taken.push(message!.content.toString());
      channel.ack(message!);
    });
    const token = secrets.beginRotation(arn);
    for (const name of steps) {
      host.channel.sendToQueue('loans', Buffer.from(name), { persistent: true });
      await step(name, token);
    }
    host.channel.sendToQueue('loans', Buffer.from('after'), { persistent: true });
    await eventually('all messages', () => taken.length === steps.length + 1);
    expect(lost).toEqual([]);
    await model.close();
  });

  test('no publish fails while the login of the publisher is rotated four times, although the process caches an earlier login', async () => {
    const publisherArn = secrets.create(`publisher-${host.name}`, JSON.stringify(logins['publisher']));
    const settings = readAllSettings({ BROKER_ENDPOINT: endpoint, BROKER_SECRET_ARN: publisherArn });
    const url = brokerUrl(settings);
    const publishOnce = async () => {
      const connection = createConnection({ url, heartbeatSeconds: 10, clock: systemClock, name: 'test' });
      const publisher = createPublisher(connection, systemClock, 5_000);
      await publisher.publish({
        exchange: 'library',
        routingKey: 'loan.created',
        body: Buffer.from('{}'),
        properties: { messageId: randomUUID(), headers: {} },
      });
      await publisher.close();
    };
    const usersSeen = new Set<string>();
    let published = 0;
    for (let rotation = 0; rotation < 4; rotation += 1) {
      // A rotation sets the password of the user that is not current, so the password of the login that the process has read changes two rotations later at the earliest.
      const token = secrets.beginRotation(publisherArn);
      for (const name of steps) {
        await publishOnce();
        published += 1;
        await eventually('the other user is free', async () => {
          try {
            await step(name, token, publisherArn);
            return true;
          } catch (error) {
            if (/connections still use the user/.test((error as Error).message)) return false;
            throw error;
          }
        });
      }
      usersSeen.add(current(publisherArn).username);
    }
    await publishOnce();
    expect(usersSeen.size).toBe(2);
    await eventually('every message', async () => {
      return (await host.channel.checkQueue('loans')).messageCount === published + 1;
    });
  });
});
