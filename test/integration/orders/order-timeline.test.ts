import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Channel } from 'amqplib';

import type { RemainingTime } from '../../../lib/consumer/batch.ts';
import type { RabbitMqEvent } from '../../../lib/message/delivery.ts';
import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { callAsOperator, callSigned } from '../../support/as-client.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, anInvocation } from '../../support/delivery.ts';
import { eventually } from '../../support/eventually.ts';
import { takeRecords } from '../../support/from-broker.ts';
import { call } from '../../support/request.ts';

const ROUTE = 'GET /orders/{id}/timeline';

let backend: Backend;
let channel: Channel;
let place: HttpHandler;
let timeline: HttpHandler;
let setStock: HttpHandler;
let consumers: Record<'stock' | 'points', (event: RabbitMqEvent, context: RemainingTime) => Promise<unknown>>;

beforeAll(async () => {
  backend = await aBackend();
  await backend.declare();
  channel = await backend.host.rawChannel();
  ({ handler: place } = await import('../../../functions/orders/place-order.ts'));
  ({ handler: timeline } = await import('../../../functions/orders/get-order-timeline.ts'));
  ({ handler: setStock } = await import('../../../functions/orders/put-stock.ts'));
  consumers = {
    stock: (await import('../../../functions/orders/reserve-stock.ts')).handler,
    points: (await import('../../../functions/orders/award-points.ts')).handler,
  };
});

afterAll(() => backend.remove());

async function placeOrder(sku: string): Promise<string> {
  const order = { customerId: 'ada', currency: 'EUR', items: [{ sku, quantity: 2, unitPrice: 150 }] };
  const { body } = await callSigned(place, randomUUID(), { route: 'POST /orders', body: order });
  return body.orderId as string;
}

async function deliver(queue: 'stock' | 'points'): Promise<void> {
  const records = await eventually(`a message in the queue ${queue}`, async () => {
    const taken = await takeRecords(channel, queue);
    return taken.length > 0 && taken;
  });
  await consumers[queue](anEvent(records, queue), anInvocation());
}

const ask = async (id: string) => (await callAsOperator(timeline, { route: ROUTE, path: { id } })).body;
const outline = (body: { steps: { step: string; queue?: string }[] }) =>
  body.steps.map(({ step, queue }) => [step, queue].filter(Boolean).join(' '));

test('the timeline of a fulfilled order begins with the acceptance of the order and ends with the award of the points', async () => {
  await callAsOperator(setStock, { route: 'PUT /stock/{sku}', path: { sku: 'apple' }, body: { available: 10 } });
  const id = await placeOrder('apple');
  const accepted = await ask(id);
  expect(accepted).toMatchObject({ orderId: id, status: 'accepted', messages: [], steps: [{ step: 'accepted' }] });
  expect(accepted.endedAt).toBeUndefined();

  await deliver('stock');
  expect(await ask(id)).toMatchObject({ status: 'accepted' });
  await deliver('points');
  const body = await ask(id);
  expect(body).toMatchObject({ status: 'fulfilled', award: { state: 'awarded', points: 3 } });
  expect(outline(body).toSorted()).toEqual(
    ['accepted', 'completed points', 'completed stock', 'published', 'started points', 'started stock'].toSorted(),
  );
  expect(body.steps[0]).toMatchObject({ step: 'published', afterMs: 0 });
  expect(body.steps.find(({ step, queue }: any) => step === 'completed' && queue === 'stock')).toMatchObject({
    effects: { stock: 1 },
  });
  expect([body.endedAt, body.durationMs]).toEqual([body.steps.at(-1).at, body.steps.at(-1).afterMs]);
});

test('the timeline of a sold-out order contains the rejection and the follow-up event, and ends when the points for the order are taken back from the customer', async () => {
  const id = await placeOrder('sold-out');
  await deliver('points');
  await deliver('stock');
  const before = await ask(id);
  expect(before).toMatchObject({ status: 'rejected' });
  expect(before.endedAt).toBeUndefined();

  await deliver('points');
  const body = await ask(id);
  expect(body).toMatchObject({ status: 'rejected', award: { state: 'taken-back', points: 0 } });
  const [, rejection] = body.messages;
  expect(rejection).toMatchObject({ type: 'order.rejected', followsFrom: { messageId: id, queue: 'stock' } });
  expect(body.steps.find(({ step }: any) => step === 'rejected')).toMatchObject({
    queue: 'stock',
    reason: 'OUT_OF_STOCK',
    followUps: [{ messageId: rejection.messageId, type: 'order.rejected' }],
  });
  expect(body.steps.at(-1)).toMatchObject({
    step: 'completed',
    queue: 'points',
    messageId: rejection.messageId,
    reason: 'POINTS_TAKEN_BACK',
  });
  expect(body.endedAt).toBe(body.steps.at(-1).at);
});

test('only an operator who may read dead letters sees the timeline of an order', async () => {
  const path = { id: randomUUID() };
  expect(await call(timeline, { route: ROUTE, path })).toMatchObject({ status: 401 });
  const authorization = `Bearer ${await backend.issuer.token(['status:read'])}`;
  expect(await call(timeline, { route: ROUTE, path, headers: { authorization } })).toMatchObject({ status: 403 });
  expect(await callAsOperator(timeline, { route: ROUTE, path })).toMatchObject({ status: 404 });
});
