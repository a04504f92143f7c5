import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { tables } from '../../../infra/tables.ts';
import { signedHeaders } from '../../../infra/dev/runtime/sign.ts';
import { topologyProperties } from '../../../infra/aws/topology-properties.ts';
import type { Login } from '../../../lib/rabbitmq/address.ts';
import { createConnection } from '../../../lib/rabbitmq/connection.ts';
import { canLogIn } from '../../../lib/rabbitmq/admin/log-in.ts';
import { brokerUrl } from '../../../lib/rabbitmq/login.ts';
import { withConnection } from '../../../lib/rabbitmq/open-connection.ts';
import { createPublisher } from '../../../lib/rabbitmq/publisher.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { readAllSettings, type AllSettings } from '../../../lib/settings.ts';
import type { CustomResourceEvent } from '../../../lib/aws/custom-resource.ts';
import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { rotate } from '../../../lib/aws/rotation.ts';
import { secretsManager } from '../../../lib/runtime/secrets.ts';
import { callAsOperator } from '../../support/as-client.ts';
import { addressesOf, administrator } from '../../support/as-deployed.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { eventually } from '../../support/eventually.ts';
import { anInvocation } from '../../support/invocation.ts';
import { call } from '../../support/request.ts';
import { aSecretsManager, type SecretsManager } from '../../support/secrets-manager.ts';
import { aSilence, type Silence } from '../../support/silence.ts';
import { firstAttempt } from '../../support/first-attempt.ts';

/** Every part behind something that can swallow requests; the functions of this file know these addresses alone. */
let backend: Backend;
let secrets: SecretsManager;
let silent: Record<'secrets' | 'jwks' | 'management' | 'store', Silence>;
let settings: AllSettings;
let login: string;
let signingKeys: string;
let before: NodeJS.ProcessEnv;
let administratorLogin: Login;

const [oldSecret, newSecret, thirdSecret] = [1, 2, 3].map(
  (byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`,
) as [string, string, string];

const message = () => ({
  exchange: '',
  routingKey: 'stock',
  body: Buffer.from('{}'),
  properties: { messageId: randomUUID(), headers: {} },
});

beforeAll(async () => {
  before = { ...process.env };
  secrets = await aSecretsManager();
  backend = await aBackend();
  await backend.declare();
  const { endpoint, managementUrl } = addressesOf(backend.host);
  silent = {
    secrets: await aSilence(process.env['AWS_ENDPOINT_URL_SECRETS_MANAGER']!),
    jwks: await aSilence(process.env['JWKS_URL']!),
    management: await aSilence(managementUrl),
    store: await aSilence(process.env['DYNAMODB_ENDPOINT']!),
  };
  administratorLogin = JSON.parse(administrator()) as Login;
  login = secrets.create('administrator', administrator());
  signingKeys = secrets.create('signing-keys', JSON.stringify({ shop: [oldSecret] }));
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_SECRETS_MANAGER: silent.secrets.url,
    AMQP_URL: '',
    BROKER_ENDPOINT: endpoint,
    BROKER_SECRET_ARN: login,
    MANAGEMENT_URL: silent.management.url,
    DYNAMODB_ENDPOINT: silent.store.url,
    SIGNING_SECRETS_ARN: signingKeys,
    JWKS_URL: `${silent.jwks.url}/.well-known/jwks.json`,
  });
  settings = readAllSettings(process.env);
  // The functions of this file keep the settings of this moment.
  await backend.surehop();
});
afterEach(() => {
  for (const one of Object.values(silent)) one.swallow(0);
});
afterAll(async () => {
  await backend.remove();
  for (const one of Object.values(silent)) await one.stop();
  await secrets.stop();
  Object.assign(process.env, before);
});

const aPublisher = (deadlineMs: number) => {
  const connection = createConnection({
    url: brokerUrl(settings),
    heartbeatSeconds: 10,
    clock: systemClock,
    name: 'test',
  });
  return createPublisher(connection, systemClock, deadlineMs);
};

describe('a silent secret store', () => {
  test('that swallows the first request for the login delays the first publish, no more', async () => {
    const publisher = aPublisher(20_000);
    silent.secrets.swallow();
    await publisher.publish(message());
    expect(silent.secrets.swallowed()).toBe(1);
    await publisher.close();
  });

  test('fails a publish by its deadline, and the next publish opens a connection at once when the store is back', async () => {
    const publisher = aPublisher(300);
    silent.secrets.swallow(100);
    await expect(publisher.publish(message())).rejects.toMatchObject({
      code: 'BROKER_UNAVAILABLE',
      indeterminate: false,
    });
    silent.secrets.swallow(0);
    await publisher.publish(message(), 20_000);
    await publisher.close();
  });

  test('does not keep a rotation from taking its step', async () => {
    const arn = secrets.create('rotated', 'one');
    const token = secrets.beginRotation(arn);
    const client = secretsManager();
    silent.secrets.swallow();
    await rotate(
      client,
      { Step: 'createSecret', SecretId: arn, ClientRequestToken: token },
      { next: () => 'two', set: async () => {}, test: async () => {} },
    );
    client.destroy();
    expect(secrets.labels(arn)[token]).toEqual(['AWSPENDING']);
  });

  test('ends a rotation that it does not answer at all with an error', async () => {
    const client = secretsManager();
    silent.secrets.swallow(100);
    const event = { Step: 'createSecret', SecretId: login, ClientRequestToken: 'any' } as const;
    await expect(
      rotate(client, event, { next: () => '', set: async () => {}, test: async () => {} }),
    ).rejects.toMatchObject({ name: 'TimeoutError' });
    client.destroy();
  });
});

describe('signing keys', () => {
  let placeOrder: HttpHandler;
  const order = JSON.stringify({
    customerId: 'c',
    currency: 'EUR',
    items: [{ sku: 'apple', quantity: 1, unitPrice: 100 }],
  });
  const place = (secret: string) =>
    call(placeOrder, {
      route: 'POST /orders',
      raw: order,
      headers: signedHeaders(order, { key: randomUUID(), secret }),
    });

  beforeAll(async () => void ({ handler: placeOrder } = await import('../../../functions/orders/place-order.ts')));

  test('are read though the first request for them is swallowed', async () => {
    silent.secrets.swallow();
    expect((await place(oldSecret)).status).toBe(202);
  });

  test('that cannot be looked up make a signature with an unknown key a 401, and the next request looks again', async () => {
    silent.secrets.swallow(1_000);
    expect(await place(newSecret)).toMatchObject({
      status: 401,
      body: { type: 'urn:surehop:problem:wrong-signature' },
    });
    silent.secrets.swallow(0);
    secrets.replace(signingKeys, JSON.stringify({ shop: [oldSecret, newSecret, thirdSecret] }));
    await eventually('the new key', async () => (await place(newSecret)).status === 202);
    expect((await place(thirdSecret)).status).toBe(202);
  });
});

test("the issuer's keys are read by the second request where the first reading is swallowed", async () => {
  const { handler: getStatus } = await import('../../../functions/operations/status.ts');
  const ask = () => callAsOperator(getStatus, { route: 'GET /status' });
  silent.jwks.swallow();
  expect(await ask()).toMatchObject({ status: 503, body: { type: 'urn:surehop:problem:identity-unavailable' } });
  expect((await ask()).status).toBe(200);
});

test('the status is there again with the second request where the management API swallows the first', async () => {
  const { handler: getStatus } = await import('../../../functions/operations/status.ts');
  const ask = () => callAsOperator(getStatus, { route: 'GET /status' });
  await eventually('the figures to be read anew', async () => {
    silent.management.swallow();
    return (await ask()).status === 503;
  });
  expect((await ask()).status).toBe(200);
});

test('DynamoDB may swallow a request of either client: it is sent again', async () => {
  const surehop = await backend.surehop();
  const { inbox } = await import('../../../lib/inbox/process-inbox.ts');
  const { readItem } = await import('../../../lib/dynamodb/read-item.ts');
  silent.store.swallow();
  expect(await readItem(surehop, tables.stock, { sku: 'none' })).toBeUndefined();
  const entry = { ...firstAttempt, id: randomUUID() as MessageId, payloadHash: 'h', decision: { effects: [] } };
  silent.store.swallow();
  const [result] = await inbox(surehop).commit('stock', [entry], AbortSignal.timeout(60_000));
  expect(result).toMatchObject({ is: 'completed' });
});

describe('the topology function', () => {
  const apply = async () => {
    const { handler } = await import('../../../functions/operations/apply-topology.ts');
    const answers: string[] = [];
    const server = createHttpServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        // CloudFormation's address may be silent too.
        if (answers.push(body) > 1) response.end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const event: CustomResourceEvent = {
      RequestType: 'Create',
      ResponseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      StackId: 'stack',
      RequestId: 'r-1',
      LogicalResourceId: 'T',
      ResourceProperties: { ...topologyProperties, Roles: '[]' },
    };
    try {
      await handler(event, anInvocation(30_000));
    } finally {
      server.closeAllConnections();
      server.close();
    }
    expect(answers).toHaveLength(2);
    return JSON.parse(answers[1]!) as { Status: string; Reason?: string };
  };

  test('answers though the secret store and the address for the answer each swallow a request', async () => {
    silent.secrets.swallow();
    expect(await apply()).toMatchObject({ Status: 'SUCCESS' });
  }, 120_000);

  test('says so where the management API does not answer, and succeeds the next time', async () => {
    silent.management.swallow();
    expect(await apply()).toMatchObject({ Status: 'FAILED', Reason: expect.stringContaining('/api/') });
    expect(await apply()).toMatchObject({ Status: 'SUCCESS' });
  }, 120_000);
});

describe('a broker that takes a connection and says nothing', () => {
  let server: ReturnType<typeof createServer>;
  let sockets: Set<Socket>;
  /** How the next connections are treated; then as a broker would. */
  let treatments: ('silent' | { readonly answersAfterMs: number })[];

  beforeAll(async () => {
    sockets = new Set();
    const real = new URL(backend.host.amqpUrl);
    server = createServer((client) => {
      sockets.add(client);
      client.on('error', () => {}).on('close', () => sockets.delete(client));
      const treatment = treatments.shift();
      if (treatment === 'silent') return void client.resume();
      const upstream = connect(Number(real.port), real.hostname).on('error', () => {});
      client.on('close', () => upstream.destroy());
      upstream.on('close', () => client.destroy());
      if (!treatment) return void client.pipe(upstream).pipe(client);
      client.pipe(upstream);
      setTimeout(() => upstream.pipe(client), treatment.answersAfterMs);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => void server.close());

  const url = () => {
    const address = new URL(backend.host.amqpUrl);
    address.port = String((server.address() as AddressInfo).port);
    return address.href;
  };
  const connection = () =>
    createConnection({ url: async () => url(), heartbeatSeconds: 10, clock: systemClock, name: 'test' });

  test('is given up in time for the same publish to go out on another connection', async () => {
    treatments = ['silent'];
    const publisher = createPublisher(connection(), systemClock, 10_000);
    await publisher.publish(message());
    expect(treatments).toEqual([]);
    await publisher.close();
    await eventually('both connections to be closed', () => sockets.size === 0);
  });

  test('but opens it later than a publish may wait: the next one uses it', async () => {
    treatments = [{ answersAfterMs: 1_000 }];
    const late = connection();
    await expect(late.link(50)).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    const link = await late.link(30_000);
    expect(late.uses(link)).toBe(true);
    expect(sockets.size).toBe(1);
    await late.close();
    await eventually('it to be closed', () => sockets.size === 0);
  });

  test('but opens it after its attempt was given up: one connection is left of the two', async () => {
    treatments = [{ answersAfterMs: 2_500 }];
    const late = connection();
    await expect(late.link(2_000)).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    const link = await late.link(30_000);
    await eventually('the late one to be closed', () => sockets.size === 1);
    expect(late.uses(link)).toBe(true);
    await late.close();
    await eventually('it to be closed', () => sockets.size === 0);
  });

  test('but opens it after the connection was closed here: it is closed', async () => {
    treatments = [{ answersAfterMs: 1_000 }];
    const late = connection();
    await expect(late.link(50)).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    await late.close();
    await eventually('it to be closed', () => sockets.size === 0);
  });

  test('is told within the time that a login check has', async () => {
    treatments = ['silent'];
    await expect(canLogIn(url(), administratorLogin, 300)).rejects.toThrow('no answer within 300 ms');
    expect(await canLogIn(url(), administratorLogin, 20_000)).toBe(true);
    await eventually('all to be closed', () => sockets.size === 0);
  });

  test('in the middle of its work is told as silence', async () => {
    treatments = [];
    const work = withConnection(
      url(),
      async (open) => {
        const channel = await open.createChannel();
        for (const socket of sockets) socket.unpipe().resume();
        await channel.checkQueue('stock');
      },
      500,
    );
    await expect(work).rejects.toThrow('no answer from the broker within 500 ms');
    await eventually('it to be closed', () => sockets.size === 0);
  });
});
