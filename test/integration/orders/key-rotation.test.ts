import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';

import { signedHeaders } from '../../../infra/dev/runtime/sign.ts';
import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { addressesOf } from '../../support/deployed-logins.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { eventually } from '../../support/eventually.ts';
import { call } from '../../support/request.ts';
import { aSecretsManager, type SecretsManager } from '../../support/secrets-manager.ts';

const CLIENTS = 6;

let backend: Backend;
let secrets: SecretsManager;
let signingKeys: string;
let login: string;
let username: string;
let placeOrder: HttpHandler;
let getStatus: HttpHandler;

/** A server that publishes the token issuer's signing keys. The tests change these keys. */
let jwksServer: Server;
let jwks: object[];
let jwksReads = 0;

const [oldSecret, newSecret] = [1, 2].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`) as [
  string,
  string,
];

const setPassword = async (password: string) => {
  await backend.host.manage('PUT', `users/${username}`, { password, tags: 'management' });
  await backend.host.manage('PUT', `permissions/${backend.host.name}/${username}`, {
    configure: '^$',
    write: '.*',
    read: '.*',
  });
};

beforeAll(async () => {
  secrets = await aSecretsManager();
  signingKeys = secrets.create(`keys-${randomUUID()}`, JSON.stringify({ shop: [oldSecret] }));
  jwksServer = createServer((_, response) => {
    jwksReads += 1;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: jwks }));
  });
  jwksServer.listen(0, '127.0.0.1');
  await once(jwksServer, 'listening');
  username = `rotating-${randomUUID()}`;
  login = secrets.create(username, JSON.stringify({ username, password: 'one' }));
  backend = await aBackend();
  await setPassword('one');
  const { endpoint, managementUrl } = addressesOf(backend.host);
  const given = { AMQP_URL: process.env.AMQP_URL, MANAGEMENT_URL: process.env.MANAGEMENT_URL };
  await backend.declare();
  Object.assign(process.env, {
    // As on AWS, the environment variables contain only the ARNs of the secrets.
    STAGE: 'rotation',
    AMQP_URL: '',
    BROKER_ENDPOINT: endpoint,
    MANAGEMENT_URL: managementUrl,
    BROKER_SECRET_ARN: login,
    SIGNING_SECRETS_ARN: signingKeys,
    JWT_ISSUER: 'https://issuer.example',
    JWT_AUDIENCE: 'surehop',
    JWKS_URL: `http://127.0.0.1:${(jwksServer.address() as AddressInfo).port}/`,
  });
  ({ handler: placeOrder } = await import('../../../functions/orders/place-order.ts'));
  ({ handler: getStatus } = await import('../../../functions/operations/status.ts'));
  // The functions have read their settings by now. The test itself needs the original addresses.
  Object.assign(process.env, given);
});

afterAll(async () => {
  await backend.remove();
  await backend.host.manage('DELETE', `users/${username}`);
  await secrets.stop();
  jwksServer.closeAllConnections();
  jwksServer.close();
});

const some = (answers: readonly unknown[]) => {
  const from = answers.length;
  return eventually('answers', () => answers.length >= from + CLIENTS * 3);
};

/** Sends requests from several clients while `change` runs. Returns the HTTP statuses of the responses. */
async function underLoad(
  send: () => Promise<number | undefined>,
  change: (someMore: () => Promise<unknown>) => Promise<void>,
) {
  const answers: (number | undefined)[] = [];
  let isOver = false;
  const client = async () => {
    while (!isOver) {
      answers.push(await send());
      // Without a pause, the clients would use the whole processor, and immediate responses would keep timers from running.
      await sleep(20);
    }
  };
  const clients = Array.from({ length: CLIENTS }, client);
  try {
    await some(answers);
    await change(() => some(answers));
    await some(answers);
  } finally {
    isOver = true;
    await Promise.all(clients);
  }
  return answers;
}

const order = JSON.stringify({
  customerId: 'c',
  currency: 'EUR',
  items: [{ sku: 'apple', quantity: 1, unitPrice: 100 }],
});

async function place(secret: string): Promise<number | undefined> {
  const got = await call(placeOrder, {
    route: 'POST /orders',
    raw: order,
    headers: signedHeaders(order, { key: randomUUID(), secret }),
  });
  return got.status;
}

describe('rotation under load', () => {
  test('no order fails while its client changes from an old signing key to a new one', async () => {
    let secret = oldSecret;
    const answers = await underLoad(
      () => place(secret),
      async (someMore) => {
        secrets.replace(signingKeys, JSON.stringify({ shop: [oldSecret, newSecret] }));
        // The first request that is signed with the new key makes the function read the secret before its cache expires.
        secret = newSecret;
        await someMore();
      },
    );
    expect(answers.filter((status) => status !== 202)).toEqual([]);
    secrets.replace(signingKeys, JSON.stringify({ shop: [newSecret] }));
    expect(await place(newSecret)).toBe(202);
  });

  test('no request fails while the password of the broker login changes and all connections with the old password are closed', async () => {
    const reads = () => secrets.requests.filter((name) => name === 'GetSecretValue').length;
    let before = 0;
    const answers = await underLoad(
      () => place(newSecret),
      async (someMore) => {
        before = reads();
        await setPassword('two');
        secrets.replace(login, JSON.stringify({ username, password: 'two' }));
        const connections = await eventually('the connection to be listed', async () => {
          const all = (await backend.host.manage('GET', 'connections')) as { name: string; user: string }[];
          const ours = all.filter(({ user }) => user === username);
          return ours.length > 0 && ours;
        });
        for (const { name } of connections)
          await backend.host.manage('DELETE', `connections/${encodeURIComponent(name)}`).catch(() => {});
        await someMore();
      },
    );
    expect(answers.filter((status) => status !== 202)).toEqual([]);
    expect(reads() - before).toBe(1);
  });

  test('no request fails while the token issuer publishes a new key, uses the new key and removes the old key', async () => {
    const aKey = async (kid: string) => {
      const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
      return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' } };
    };
    const [first, second] = [await aKey('first'), await aKey('second')];
    const tokenOf = ({ kid, privateKey }: { kid: string; privateKey: CryptoKey }) =>
      new SignJWT({ scope: 'status:read' })
        .setProtectedHeader({ alg: 'RS256', kid })
        .setIssuer('https://issuer.example')
        .setAudience('surehop')
        .setSubject('ada')
        .setExpirationTime('1h')
        .sign(privateKey);
    jwks = [first.jwk];
    let token = await tokenOf(first);
    const send = async () =>
      (await call(getStatus, { route: 'GET /status', headers: { authorization: `Bearer ${token}` } })).status;
    const answers = await underLoad(send, async (someMore) => {
      jwks = [first.jwk, second.jwk];
      // A token with an unknown key id makes the function read the keys again, but not within five seconds after the last read.
      await sleep(5_100);
      token = await tokenOf(second);
      await someMore();
      jwks = [second.jwk];
    });
    expect(answers.filter((status) => status !== 200)).toEqual([]);
    expect(jwksReads).toBe(2);
  }, 30_000);

  test('fifty tokens with unknown key ids make the service read the keys of the token issuer at most once', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    const before = jwksReads;
    for (let forgery = 0; forgery < 50; forgery += 1) {
      const token = await new SignJWT({}).setProtectedHeader({ alg: 'RS256', kid: `x${forgery}` }).sign(privateKey);
      const got = await call(getStatus, { route: 'GET /status', headers: { authorization: `Bearer ${token}` } });
      expect(got.status).toBe(401);
    }
    expect(jwksReads - before).toBeLessThanOrEqual(1);
  });
});

test('in every stage except local, orders that are signed with the development key and tokens of the development issuer are refused', async () => {
  expect(
    (
      await call(placeOrder, {
        route: 'POST /orders',
        raw: order,
        headers: signedHeaders(order, { key: randomUUID() }),
      })
    ).status,
  ).toBe(401);
  const token = await backend.issuer.token();
  expect((await call(getStatus, { route: 'GET /status', headers: { authorization: `Bearer ${token}` } })).status).toBe(
    401,
  );
});
