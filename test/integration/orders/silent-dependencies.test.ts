import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { tables } from '../../../infra/tables.ts';
import { signedHeaders } from '../../../infra/dev/runtime/sign.ts';
import { createConnection } from '../../../lib/rabbitmq/connection.ts';
import { brokerUrl } from '../../../lib/rabbitmq/login.ts';
import { createPublisher } from '../../../lib/rabbitmq/publisher.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import type { AllSettings } from '../../../lib/settings.ts';
import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { rotate } from '../../../lib/aws/rotation.ts';
import { secretsManager } from '../../../lib/runtime/secrets.ts';
import { callAsOperator } from '../../support/as-client.ts';
import { eventually } from '../../support/eventually.ts';
import { call } from '../../support/request.ts';
import { aSilentBackend, type SilentBackend } from '../../support/silent-backend.ts';
import { firstAttempt } from '../../support/delivery.ts';

let silentBackend: SilentBackend;
let silent: SilentBackend['silent'];
let secrets: SilentBackend['secrets'];
let login: string;
let signingKeys: string;
let settings: AllSettings;

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
  silentBackend = await aSilentBackend(oldSecret);
  ({ silent, secrets, login, signingKeys, settings } = silentBackend);
});
afterEach(() => silentBackend.answerAgain());
afterAll(() => silentBackend?.remove());

const aPublisher = (deadlineMs: number) => {
  const connection = createConnection({
    url: brokerUrl(settings),
    heartbeatSeconds: 10,
    clock: systemClock,
    name: 'test',
  });
  return createPublisher(connection, systemClock, deadlineMs);
};

describe('Secrets Manager', () => {
  test('if Secrets Manager does not answer the first request for the broker login, the first publish is delayed but succeeds', async () => {
    const publisher = aPublisher(20_000);
    silent.secrets.swallow();
    await publisher.publish(message());
    expect(silent.secrets.swallowed()).toBe(1);
    await publisher.close();
  });

  test('if Secrets Manager does not answer, a publish fails by the deadline of the publish, and a later publish succeeds once Secrets Manager answers again', async () => {
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

  test('if Secrets Manager does not answer one request of a rotation step, the step is delayed but succeeds', async () => {
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

  test('if Secrets Manager never answers, a step of a rotation fails with a TimeoutError', async () => {
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

  test('an order is accepted although Secrets Manager does not answer the first request for the signing keys', async () => {
    silent.secrets.swallow();
    expect((await place(oldSecret)).status).toBe(202);
  });

  test('while the signing keys cannot be read, an order that is signed with an unknown key gets 401, and a later order triggers a new attempt to read the keys', async () => {
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

test('if the token issuer does not answer a read of its keys, the HTTP request that needs the keys gets 503, and the next HTTP request reads the keys again and succeeds', async () => {
  const { handler: getStatus } = await import('../../../functions/operations/status.ts');
  const ask = () => callAsOperator(getStatus, { route: 'GET /status' });
  silent.jwks.swallow();
  expect(await ask()).toMatchObject({ status: 503, body: { type: 'urn:surehop:problem:identity-unavailable' } });
  expect((await ask()).status).toBe(200);
});

test('if the management API does not answer, GET /status responds with 503, and GET /status succeeds again as soon as the API answers', async () => {
  const { handler: getStatus } = await import('../../../functions/operations/status.ts');
  const ask = () => callAsOperator(getStatus, { route: 'GET /status' });
  await eventually('the figures to be read again', async () => {
    silent.management.swallow();
    return (await ask()).status === 503;
  });
  expect((await ask()).status).toBe(200);
});

test('if DynamoDB does not answer a request, both a read of an item and a commit of the inbox send the request again and succeed', async () => {
  const surehop = await silentBackend.backend.surehop();
  const { createInbox } = await import('../../../lib/inbox/create-inbox.ts');
  const { inboxTableOf } = await import('../../../lib/inbox/table.ts');
  const { readItem } = await import('../../../lib/dynamodb/read-item.ts');
  silent.store.swallow();
  expect(await readItem(surehop, tables.stock, { sku: 'none' })).toBeUndefined();
  const entry = { ...firstAttempt, id: randomUUID() as MessageId, payloadHash: 'h', decision: { effects: [] } };
  silent.store.swallow();
  const [result] = await createInbox(inboxTableOf(surehop)).commit('stock', [entry], AbortSignal.timeout(60_000));
  expect(result).toMatchObject({ is: 'completed' });
});
