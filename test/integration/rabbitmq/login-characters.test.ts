import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { doesManagementAnswer, probeBroker } from '../../../infra/dev/runtime/broker/probe.ts';
import { reach } from '../../../infra/dev/runtime/broker/prepare.ts';
import { loginOf, withLogin } from '../../../lib/rabbitmq/address.ts';
import { createConnection } from '../../../lib/rabbitmq/connection.ts';
import { canLogIn } from '../../../lib/rabbitmq/open-connection.ts';
import { brokerUrl } from '../../../lib/rabbitmq/login.ts';
import { managementApi } from '../../../lib/rabbitmq/management/management-api.ts';
import { readQueueFigures } from '../../../lib/rabbitmq/management/queue-figures.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { readAllSettings } from '../../../lib/settings.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';

let host: VirtualHost;
const users: string[] = [];

beforeAll(async () => void (host = await aVirtualHost()));
afterAll(async () => {
  for (const user of users) await host.manage('DELETE', `users/${encodeURIComponent(user)}`);
  await host.remove();
});

const create = async (username: string, password: string) => {
  users.push(username);
  const name = encodeURIComponent(username);
  await host.manage('PUT', `users/${name}`, { password, tags: 'management' });
  await host.manage('PUT', `permissions/${host.name}/${name}`, { configure: '.*', write: '.*', read: '.*' });
};

/** Returns the URL `address` with `login` (`user:password`) inserted unchanged, without percent-encoding. */
const addressWith = (address: string, login: string) => {
  const { protocol, host: authority, pathname } = new URL(address);
  return `${protocol}//${login}@${authority}${pathname}`;
};

async function everyWayIn(login: string): Promise<void> {
  const amqpUrl = addressWith(host.amqpUrl, login);
  const managementUrl = addressWith(process.env['MANAGEMENT_URL']!, login);
  const settings = readAllSettings({ AMQP_URL: amqpUrl, MANAGEMENT_URL: managementUrl });
  const connection = createConnection({
    url: brokerUrl(settings),
    heartbeatSeconds: 10,
    clock: systemClock,
    name: 't',
  });
  await connection.probe(10_000);
  await connection.close();
  expect(await canLogIn(amqpUrl, loginOf(new URL(amqpUrl)))).toBe(true);
  expect(await probeBroker(amqpUrl)).toMatch(/^\d+\./);
  expect(await doesManagementAnswer(managementUrl)).toBe(true);
  expect(await readQueueFigures({ ...settings, MANAGEMENT_URL: managementUrl }, 10_000)).toEqual([]);
  // If MANAGEMENT_URL contains no login, the management API uses the login in AMQP_URL.
  const bare = new URL(managementUrl);
  [bare.username, bare.password] = ['', ''];
  const api = managementApi({ ...settings, MANAGEMENT_URL: bare.href }, { timeoutMs: 10_000 });
  expect(api.virtualHost).toBe(host.name);
  await reach(amqpUrl, bare.href).api.remove(['queues', host.name, 'none']);
}

describe('login characters', () => {
  test.each<[what: string, username: string, password: string, written: string[]]>([
    ['with a password that is not ASCII', 'ümit', 'pässwörd-密码-🔑', ['ümit:pässwörd-密码-🔑']],
    ['with every character that an address uses itself', 'a@b/c', ':/?#[]@!$&\'()*+,;= %"<>\\^`{|}', []],
    ['with a percent sign', 'percent', '100%', ['percent:100%', 'percent:100%25']],
    ['with what looks like an escape', 'escape', '%41%zz', ['escape:%2541%25zz']],
    ['with an @ that is not escaped', 'at', 'p@ss', ['at:p@ss']],
  ])(
    'a broker user %s can log in, whether or not the login in the address is percent-encoded',
    async (_, name, password, written) => {
      const username = `${name}-${host.name}`;
      await create(username, password);
      const encoded = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`;
      for (const login of [encoded, ...written.map((one) => one.replace(name, username))]) await everyWayIn(login);
      expect(await canLogIn(host.amqpUrl, { username, password })).toBe(true);
      expect(await canLogIn(host.amqpUrl, { username, password: `${password}x` })).toBe(false);
      expect(loginOf(new URL(withLogin(host.amqpUrl, { username, password })))).toEqual({ username, password });
    },
  );

  test('the user and the password are guest if the URL of the broker contains no user', async () => {
    expect(loginOf(new URL('amqp://localhost'))).toEqual({ username: 'guest', password: 'guest' });
    expect(loginOf(new URL('amqp://ada@localhost'))).toEqual({ username: 'ada', password: '' });
  });
});
