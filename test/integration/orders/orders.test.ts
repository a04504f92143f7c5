import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { tables } from '../../../infra/tables.ts';
import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { readEnvelope } from '../../../lib/events/envelope.ts';
import { hashOf } from '../../../lib/http/idempotency/canonical.ts';
import type { Headers } from '../../../lib/events/message.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { DEVELOPMENT_SECRET } from '../../../lib/http/development.ts';
import { signedHeaders } from '../../../infra/dev/runtime/sign.ts';
import { callAsOperator, callSigned } from '../../support/as-client.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { call } from '../../support/request.ts';
import { firstAttempt } from '../../support/delivery.ts';

const SHOP_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

let backend: Backend;
let placeOrder: HttpHandler;
let getOrder: HttpHandler;

beforeAll(async () => {
  backend = await aBackend({
    SIGNING_SECRETS: JSON.stringify({ development: [DEVELOPMENT_SECRET], 'shop-1': [SHOP_SECRET] }),
  });
  ({ handler: placeOrder } = await import('../../../functions/orders/place-order.ts'));
  ({ handler: getOrder } = await import('../../../functions/orders/get-order.ts'));
});

afterAll(() => backend.remove());

const anOrder = (about: object = {}) => ({
  customerId: 'c-1',
  currency: 'EUR',
  items: [
    { sku: 'apple', quantity: 2, unitPrice: 199 },
    { sku: 'pear', quantity: 1, unitPrice: 250 },
  ],
  ...about,
});

const place = (key: string, about: Parameters<typeof call>[1] = {}) =>
  callSigned(placeOrder, key.replaceAll('"', '') || randomUUID(), {
    route: 'POST /orders',
    body: anOrder(),
    ...about,
    headers: { 'idempotency-key': key, ...about.headers },
  });

const statusOf = async (id: string) => call(getOrder, { route: 'GET /orders/{id}', path: { id } });

describe('an order before the topology is applied', () => {
  test('if no queue receives an order, POST /orders responds with 503 (problem type unroutable), and the client can repeat the order with the same key', async () => {
    const key = randomUUID();
    const refused = await place(key);
    expect(refused).toMatchObject({
      status: 503,
      headers: { 'content-type': 'application/problem+json', 'retry-after': expect.stringMatching(/^\d+$/) },
      body: { type: 'urn:surehop:problem:unroutable', indeterminate: false },
    });
    expect(refused.headers.location).toBeUndefined();

    await backend.declare();
    const accepted = await place(key);
    expect(accepted.status).toBe(202);
    expect(await backend.host.drain('stock')).toHaveLength(1);
    expect(await backend.host.drain('points')).toHaveLength(1);
  });
});

describe('an order', () => {
  const drained = async () => {
    const [stock, points] = [await backend.host.drain('stock'), await backend.host.drain('points')];
    return { stock, points };
  };

  test('an order with a byte-order mark before the JSON is accepted, and the published event has no byte-order mark', async () => {
    await drained();
    const raw = `\ufeff${JSON.stringify(anOrder())}`;
    const got = await callSigned(placeOrder, randomUUID(), { route: 'POST /orders', raw });
    expect(got.status).toBe(202);
    const { stock } = await drained();
    expect(stock.map((message) => message && JSON.parse(message.content.toString()))).toEqual([
      { ...anOrder(), orderId: got.body.orderId },
    ]);
  });

  test('an accepted order is published to both work queues, with the order id, the event type and the trace in its AMQP properties', async () => {
    await drained();
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const { status, headers, body } = await place(randomUUID(), {
      headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    });
    expect({ status, body }).toEqual({ status: 202, body: { orderId: expect.any(String), status: 'accepted' } });
    expect(headers.location).toBe(`/orders/${body.orderId}`);
    const { stock, points } = await drained();
    for (const [message] of [stock, points]) {
      if (!message) throw new Error('no message');
      expect(JSON.parse(message.content.toString())).toEqual({ ...anOrder(), orderId: body.orderId });
      expect(message.properties).toMatchObject({
        messageId: body.orderId,
        correlationId: body.orderId,
        type: 'order.created',
        contentType: 'application/json',
        deliveryMode: 2,
      });
      expect(readEnvelope(message.properties.headers as Headers)).toMatchObject({
        attempt: 1,
        exchange: 'orders',
        routingKey: 'order.created',
        schemaVersion: 1,
        traceparent: expect.stringContaining(traceId),
      });
    }
    expect(await statusOf(body.orderId)).toMatchObject({
      status: 200,
      body: {
        status: 'accepted',
        acceptedAt: expect.any(String),
        consumers: { stock: { outcome: 'pending' }, points: { outcome: 'pending' } },
      },
    });
  });

  test('a repeated order with the same key gets the same response and is not published again, even if the JSON fields of the order are rearranged', async () => {
    const key = randomUUID();
    const first = await place(key);
    await drained();
    const { customerId, currency, items } = anOrder();
    const again = await place(`"${key}"`, { body: { items, currency, customerId } });
    expect(again).toMatchObject({ status: 202, body: first.body, headers: { location: first.headers.location } });
    expect(await drained()).toEqual({ stock: [], points: [] });
  });

  test('if the publish of an order was not confirmed, a repeated order with the same key is published again with the same message id and bytes', async () => {
    const key = randomUUID();
    const { body } = await place(key);
    const first = await drained();
    const { store } = await import('../../../lib/dynamodb/store.ts');
    const surehop = await backend.surehop();
    const { UpdateItemCommand } = await import('@aws-sdk/client-dynamodb');
    await store(surehop).send(
      new UpdateItemCommand({
        TableName: `${process.env.TABLE_PREFIX}orders`,
        Key: { orderId: { S: body.orderId } },
        UpdateExpression: 'SET #status = :publishing, claimedUntilMs = :past REMOVE acceptedAt',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: { ':publishing': { S: 'publishing' }, ':past': { N: '1' } },
      }),
    );
    expect((await statusOf(body.orderId)).body).toMatchObject({ status: 'publishing' });
    const { customerId, currency, items } = anOrder();
    const again = await place(key, { body: { currency, items, customerId } });
    expect(again).toMatchObject({ status: 202, body });
    const second = await drained();
    expect(second.stock).toHaveLength(1);
    const [[a], [b]] = [first.stock, second.stock];
    if (!a || !b) throw new Error('no message');
    expect(b.properties.messageId).toBe(a.properties.messageId);
    expect(b.content.equals(a.content)).toBe(true);
    expect((await statusOf(body.orderId)).body).toMatchObject({ status: 'accepted', acceptedAt: expect.any(String) });
  });

  test('an order that reuses the idempotency key of a different order is refused with 422 and not published', async () => {
    const key = randomUUID();
    const first = await place(key);
    await drained();
    expect(await place(key, { body: anOrder({ customerId: 'c-2' }) })).toMatchObject({
      status: 422,
      body: { type: 'urn:surehop:problem:idempotency-key-reused' },
    });
    expect(await drained()).toEqual({ stock: [], points: [] });
    expect((await place(key)).body).toEqual(first.body);
  });

  test('when twenty concurrent requests have the same key, one order is published and every request gets 202 or 409', async () => {
    const key = randomUUID();
    const got = await Promise.all(Array.from({ length: 20 }, () => place(key)));
    const accepted = got.filter(({ status }) => status === 202);
    const refused = got.filter(({ status }) => status !== 202);
    expect(new Set(accepted.map(({ body }) => body.orderId)).size).toBe(1);
    for (const answer of refused)
      expect(answer).toMatchObject({
        status: 409,
        headers: { 'retry-after': '1' },
        body: { type: 'urn:surehop:problem:request-in-progress' },
      });
    expect((await drained()).stock).toHaveLength(1);
    expect((await place(key)).body).toEqual(accepted[0]?.body);
  });

  test('two orders with the same content get different order ids if their keys or their clients differ', async () => {
    const key = randomUUID();
    const headers = signedHeaders(JSON.stringify(anOrder()), { key, secret: SHOP_SECRET });
    const ids = [await place(key), await place(randomUUID()), await place(key, { headers })].map(
      ({ body }) => body.orderId,
    );
    expect(new Set(ids).size).toBe(3);
  });

  test.each(['', '""'])('an order whose Idempotency-Key header is %p is refused with 400', async (key) => {
    expect(await place(key)).toMatchObject({
      status: 400,
      body: { type: 'urn:surehop:problem:missing-idempotency-key' },
    });
  });

  test('an order with several invalid fields is not published, and the response names each invalid field', async () => {
    await drained();
    const { status, body } = await place(randomUUID(), {
      body: {
        customerId: 'no spaces',
        currency: 'XXQ',
        items: [
          { sku: 'a', quantity: 0, unitPrice: 1.5 },
          { quantity: 1001, unitPrice: -1 },
        ],
        note: '',
      },
    });
    expect(status).toBe(400);
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer).toSorted()).toEqual(
      [
        '/currency',
        '/customerId',
        '/items/0/quantity',
        '/items/0/unitPrice',
        '/items/1/quantity',
        '/items/1/sku',
        '/items/1/unitPrice',
        '/note',
      ].toSorted(),
    );
    expect(await drained()).toEqual({ stock: [], points: [] });
  });

  test('an order of more than 128 KiB is refused with 413', async () => {
    expect(await place(randomUUID(), { raw: Buffer.alloc(128 * 1024 + 1, ' ') })).toMatchObject({ status: 413 });
    expect(await place(randomUUID(), { raw: Buffer.alloc(128 * 1024, ' ') })).toMatchObject({ status: 400 });
  });

  test('if a full queue rejects an order, POST /orders responds with 503 (problem type refused)', async () => {
    const { channel } = backend.host;
    await channel.assertQueue('small', {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-overflow': 'reject-publish' },
    });
    await channel.bindQueue('small', 'orders', 'order.created');
    try {
      const refusals: Awaited<ReturnType<typeof place>>[] = [];
      // A quorum queue may accept a few more messages than its limit.
      for (let index = 0; index < 50 && refusals.length === 0; index += 1) {
        const got = await place(randomUUID());
        if (got.status !== 202) refusals.push(got);
      }
      expect(refusals[0]).toMatchObject({ status: 503, body: { type: 'urn:surehop:problem:refused' } });
    } finally {
      await channel.deleteQueue('small');
    }
  });
});

describe('the status of an order', () => {
  test('GET /orders/{id} responds with 404 for every unknown id, even if the id contains special characters', async () => {
    for (const id of [randomUUID(), 'nonsense', 'ü#/%'])
      expect(await statusOf(id)).toMatchObject({ status: 404, body: { type: 'urn:surehop:problem:not-found' } });
  });

  test('the status of an order is derived from the inbox markers of the consumers, even if the order has no idempotency record', async () => {
    const { createInbox } = await import('../../../lib/inbox/create-inbox.ts');
    const { inboxTableOf } = await import('../../../lib/inbox/table.ts');
    const inbox = createInbox(inboxTableOf(await backend.surehop()));
    const id = randomUUID() as MessageId;
    const signal = AbortSignal.timeout(10_000);
    const payloadHash = hashOf('x');
    await inbox.commit('stock', [{ ...firstAttempt, id, payloadHash, decision: { effects: [] } }], signal);
    expect((await statusOf(id)).body).toMatchObject({
      status: 'accepted',
      consumers: { stock: { outcome: 'completed', at: expect.any(String) }, points: { outcome: 'pending' } },
    });
    const failure = { id, payloadHash, redrives: 0, attempt: 1, code: 'BOOM', message: 'connection refused' } as const;
    await inbox.recordHandoffs('points', [{ ...failure, state: 'retrying' }]);
    expect((await statusOf(id)).body.consumers.points).toMatchObject({ outcome: 'retrying', attempt: 1, code: 'BOOM' });
    await inbox.recordHandoffs('points', [{ ...failure, attempt: 4, state: 'dead-lettered' }]);
    expect((await statusOf(id)).body).toMatchObject({ status: 'dead-lettered', reason: 'connection refused' });
    await inbox.commit('points', [{ ...firstAttempt, id, payloadHash, decision: { effects: [] } }], signal);
    expect((await statusOf(id)).body).toMatchObject({ status: 'dead-lettered' });
    const redriven = { ...firstAttempt, redrives: 1, id, payloadHash, decision: { effects: [] } };
    await inbox.commit('points', [redriven], signal);
    expect((await statusOf(id)).body).toMatchObject({ status: 'fulfilled' });
  });
});

describe('stock and points', () => {
  test('GET /stock/{sku} returns the value that an operator set last, and responds with 404 before the first value is set', async () => {
    const { handler: put } = await import('../../../functions/orders/put-stock.ts');
    const { handler: get } = await import('../../../functions/orders/get-stock.ts');
    const path = { sku: 'apple.red_1-x' };
    expect((await call(get, { route: 'GET /stock/{sku}', path })).status).toBe(404);
    for (const available of [7, 0]) {
      expect(await callAsOperator(put, { route: 'PUT /stock/{sku}', path, body: { available } })).toMatchObject({
        status: 200,
        body: { sku: path.sku, available },
      });
      expect((await call(get, { route: 'GET /stock/{sku}', path })).body).toEqual({ sku: path.sku, available });
    }
    for (const available of [-1, 1.5, '3', null])
      expect((await callAsOperator(put, { route: 'PUT /stock/{sku}', path, body: { available } })).status).toBe(400);
    expect((await call(get, { route: 'GET /stock/{sku}', path: { sku: 'no spaces' } })).status).toBe(400);
  });

  test('GET /customers/{id}/points returns the points awarded to the customer, or 0 if the customer has none', async () => {
    const { handler } = await import('../../../functions/orders/get-points.ts');
    const { createInbox } = await import('../../../lib/inbox/create-inbox.ts');
    const { inboxTableOf } = await import('../../../lib/inbox/table.ts');
    const inbox = createInbox(inboxTableOf(await backend.surehop()));
    const get = async (id: string) => (await call(handler, { route: 'GET /customers/{id}/points', path: { id } })).body;
    expect(await get('nobody')).toEqual({ customerId: 'nobody', points: 0 });
    const award = {
      kind: 'add',
      table: tables.points,
      key: { customerId: 'c-9' },
      attribute: 'points',
      by: 19,
    } as const;
    const entry = {
      ...firstAttempt,
      id: randomUUID() as MessageId,
      payloadHash: hashOf('y'),
      decision: { effects: [award] },
    };
    await inbox.commit('points', [entry], AbortSignal.timeout(10_000));
    expect(await get('c-9')).toEqual({ customerId: 'c-9', points: 19 });
  });
});
