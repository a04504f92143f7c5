import { randomUUID } from 'node:crypto';

import { GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';

import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { callSigned } from '../../support/as-client.ts';
import { aBackend, type Backend } from '../../support/backend.ts';

let backend: Backend;
let placeOrder: HttpHandler;

beforeAll(async () => {
  backend = await aBackend();
  await backend.declare();
  ({ handler: placeOrder } = await import('../../../functions/orders/place-order.ts'));
});
afterAll(() => backend.remove());
beforeEach(async () => {
  await backend.host.drain('stock');
  await backend.host.drain('points');
});

const order = { customerId: 'c-1', currency: 'EUR', items: [{ sku: 'apple', quantity: 1, unitPrice: 100 }] };

const place = (key: string, body: object = order) => callSigned(placeOrder, key, { route: 'POST /orders', body });

const published = async () => (await backend.host.drain('stock')).length;

async function record(orderId: string) {
  const { store } = await import('../../../lib/dynamodb/store.ts');
  const surehop = await backend.surehop();
  const TableName = `${process.env.TABLE_PREFIX}orders`;
  return {
    read: async () =>
      (await store(surehop).send(new GetItemCommand({ TableName, Key: { orderId: { S: orderId } } }))).Item!,
    set: async (name: string, value: { N: string } | { S: string }) => {
      await store(surehop).send(
        new UpdateItemCommand({
          TableName,
          Key: { orderId: { S: orderId } },
          UpdateExpression: 'SET #name = :value',
          ExpressionAttributeNames: { '#name': name },
          ExpressionAttributeValues: { ':value': value },
        }),
      );
    },
  };
}

test('an order that is sent twice with the same webhook-id gets the same response twice and is published once', async () => {
  const key = randomUUID();
  const first = await place(key);
  const again = await place(key);
  expect(first.status).toBe(202);
  expect({ status: again.status, body: again.body, location: again.headers.location }).toEqual({
    status: first.status,
    body: first.body,
    location: first.headers.location,
  });
  expect(await published()).toBe(1);
});

test('while a request is in progress, a second request with the same webhook-id gets 409 until the time limit of the first request has passed', async () => {
  const key = randomUUID();
  const { body } = await place(key);
  const { set } = await record(body.orderId);
  await set('status', { S: 'publishing' });
  expect(await place(key)).toMatchObject({
    status: 409,
    headers: { 'retry-after': '1' },
    body: { type: 'urn:surehop:problem:request-in-progress' },
  });
  // Another order with the same webhook-id is refused even while the first request is in progress.
  expect((await place(key, { ...order, customerId: 'c-2' })).status).toBe(422);
  await set('claimedUntilMs', { N: String(Date.now() - 1) });
  expect((await place(key)).body).toEqual(body);
  expect(await published()).toBe(2);
});

test('after an order could not be published, the client can immediately repeat the order with the same webhook-id', async () => {
  const key = randomUUID();
  await backend.host.channel.deleteExchange('orders');
  try {
    for (let time = 0; time < 2; time += 1) expect((await place(key)).status).toBe(503);
  } finally {
    await backend.declare();
  }
  expect((await place(key)).status).toBe(202);
});

test('an idempotency record expires after 15 days, and its webhook-id can then be used for another order', async () => {
  const key = randomUUID();
  const { body } = await place(key);
  const { read, set } = await record(body.orderId);
  const days = (Number((await read()).expiresAt?.N) - Date.now() / 1_000) / 86_400;
  expect(Math.round(days)).toBe(15);
  // DynamoDB deletes expired items late, so the service must ignore an expired record.
  await set('expiresAt', { N: String(Math.floor(Date.now() / 1_000) - 1) });
  expect((await place(key, { ...order, customerId: 'c-2' })).status).toBe(202);
});
