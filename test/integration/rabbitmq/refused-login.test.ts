import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';

import { createConnection, type Connection } from '../../../lib/rabbitmq/connection.ts';
import { brokerUrl } from '../../../lib/rabbitmq/login.ts';
import { readQueueFigures } from '../../../lib/rabbitmq/management/queue-figures.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { readAllSettings, type AllSettings } from '../../../lib/settings.ts';
import { createSecretReader } from '../../../lib/runtime/secrets.ts';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { addressesOf } from '../../support/deployed-logins.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';
import { aSecretsManager, type SecretsManager } from '../../support/secrets-manager.ts';

let host: VirtualHost;
let secrets: SecretsManager;
let username: string;
let arn: string;
let settings: AllSettings & { readonly MANAGEMENT_URL: string };
let connection: Connection;

const setPassword = async (password: string) => {
  await host.manage('PUT', `users/${username}`, { password, tags: 'management' });
  await host.manage('PUT', `permissions/${host.name}/${username}`, { configure: '^$', write: '.*', read: '^$' });
};

beforeAll(async () => void (secrets = await aSecretsManager()));
afterAll(() => secrets.stop());

beforeEach(async () => {
  host = await aVirtualHost();
  username = `user-${host.name}`;
  const { endpoint, managementUrl } = addressesOf(host);
  await setPassword('one');
  arn = secrets.create(host.name, JSON.stringify({ username, password: 'one' }));
  const given = { BROKER_ENDPOINT: endpoint, BROKER_SECRET_ARN: arn };
  settings = { ...readAllSettings(given), MANAGEMENT_URL: managementUrl };
  connection = createConnection({ url: brokerUrl(settings), heartbeatSeconds: 10, clock: systemClock, name: 'test' });
});
afterEach(async () => {
  await connection.close();
  await host.manage('DELETE', `users/${username}`);
  await host.remove();
});

const reads = () => secrets.requests.filter((name) => name === 'GetSecretValue').length;

/** Closes the connection to the broker and opens a new one, which logs in again. */
const reconnect = async () => {
  const link = await connection.link(5_000);
  connection.retire(link);
  link.destroy();
  return connection.link(5_000);
};

test('the login of the broker is read once from Secrets Manager and used for later connections', async () => {
  const before = reads();
  await reconnect();
  await reconnect();
  expect(reads() - before).toBe(1);
});

test('if the broker refuses a cached login, the login is read from Secrets Manager once more and the connection opens without an error', async () => {
  await connection.link(5_000);
  await setPassword('two');
  secrets.replace(arn, JSON.stringify({ username, password: 'two' }));
  const before = reads();
  await expect(reconnect()).resolves.toBeDefined();
  await expect(reconnect()).resolves.toBeDefined();
  expect(reads() - before).toBe(1);
});

test('if the broker refuses both the cached login and the login that is read again from Secrets Manager, the connection fails with an error that does not contain the password', async () => {
  await setPassword('nobody knows');
  const before = reads();
  const failure = await connection.link(5_000).catch((error: Error) => error);
  expect(failure).toMatchObject({ code: 'BROKER_UNAVAILABLE', message: expect.stringMatching(/ACCESS.REFUSED/) });
  expect((failure as Error).message).not.toContain('one');
  expect(reads() - before).toBe(2);
});

test('after the management API has refused a login, the next request reads the login from Secrets Manager again', async () => {
  expect(await readQueueFigures(settings, 5_000)).toEqual([]);
  await setPassword('two');
  const failure = await readQueueFigures(settings, 5_000).catch((error: Error) => error.message);
  expect(failure).toMatch(/answered 401/);
  secrets.replace(arn, JSON.stringify({ username, password: 'two' }));
  expect(await readQueueFigures(settings, 5_000)).toEqual([]);
});

test('a cached secret is read again after five minutes and not earlier', async () => {
  let nowMs = 1_700_000_000_000;
  const client = new SecretsManagerClient({});
  const read = createSecretReader(client, { now: () => nowMs });
  const first = await read(arn);
  secrets.replace(arn, 'another');
  nowMs += 5 * 60_000 - 1;
  expect(await read(arn)).toBe(first);
  expect(await read(arn, true)).toBe('another');
  secrets.replace(arn, 'a third');
  nowMs += 5 * 60_000;
  expect(await read(arn)).toBe('a third');
  client.destroy();
});
