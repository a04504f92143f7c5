import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { signedHeaders } from '../../infra/dev/runtime/sign.ts';
import { queues } from '../../infra/topology.ts';
import { eventually } from '../support/eventually.ts';
import type { RunningService } from '../support/service.ts';

let service: RunningService;
let token: string;
const dynamodb = new DynamoDBClient({ endpoint: process.env.DYNAMODB_ENDPOINT });

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: any;
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(service.url + path, {
    method,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined };
}

const anOrder = (sku: string, customerId: string, quantity = 2) => ({
  customerId,
  currency: 'EUR',
  items: [{ sku, quantity, unitPrice: 150 }],
});

/**
 * Places an order. Repeats the request while the service answers 409 because another request with the same key is in
 * progress.
 */
async function place(order: object, key: string = randomUUID()): Promise<Answer> {
  for (;;) {
    const answer = await call('POST', '/orders', order, signedHeaders(JSON.stringify(order), { key }));
    if (answer.status !== 409) return answer;
    await sleep(50);
  }
}

async function ended(orderId: string, status: string): Promise<any> {
  return eventually(`the order to be ${status}`, async () => {
    const { body } = await call('GET', `/orders/${orderId}`);
    return body.status === status && body;
  });
}

/** Creates an SKU with the given stock, and generates a customer id. */
async function aShelf(available: number): Promise<{ sku: string; customerId: string }> {
  const sku = `sku-${randomUUID()}`;
  expect((await call('PUT', `/stock/${sku}`, { available })).status).toBe(200);
  return { sku, customerId: `customer-${randomUUID()}` };
}

const setPoints = (customerId: string, points: { S: string } | { N: string }) =>
  dynamodb.send(
    new PutItemCommand({ TableName: `${service.host.name}-points`, Item: { customerId: { S: customerId }, points } }),
  );

export function orderTests(started: () => RunningService): void {
  beforeAll(async () => {
    service = started();
    token = await service.token('dead-letters:read', 'dead-letters:redrive', 'stock:write', 'status:read');
  });
  afterAll(() => dynamodb.destroy());

  describe('an order that a client places over HTTP', () => {
    test('an order that is sent several times reserves stock and awards points only once', async () => {
      const { sku, customerId } = await aShelf(10);
      const key = randomUUID();
      const answers = await Promise.all([1, 2, 3].map(() => place(anOrder(sku, customerId), key)));
      expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
      const [{ body, headers }] = answers as [Answer];
      expect(new Set(answers.map((answer) => answer.body.orderId)).size).toBe(1);
      expect(headers.get('location')).toBe(`/orders/${body.orderId}`);

      await ended(body.orderId, 'fulfilled');
      expect((await call('GET', `/stock/${sku}`)).body).toEqual({ sku, available: 8 });
      expect((await call('GET', `/customers/${customerId}/points`)).body).toEqual({ customerId, points: 3 });
    });

    test('an order with one item that exceeds the stock is rejected completely and awards no points', async () => {
      const { sku, customerId } = await aShelf(10);
      const { sku: scarce } = await aShelf(1);
      const order = anOrder(sku, customerId);
      const { body } = await place({ ...order, items: [...order.items, { sku: scarce, quantity: 2, unitPrice: 100 }] });
      expect(await ended(body.orderId, 'rejected')).toMatchObject({ reason: 'OUT_OF_STOCK' });
      await eventually('the points to be settled', async () => {
        const { consumers } = (await call('GET', `/orders/${body.orderId}`)).body;
        return consumers.points.outcome !== 'pending';
      });
      await eventually(
        'the points to be back at none',
        async () => (await call('GET', `/customers/${customerId}/points`)).body.points === 0,
      );
      expect((await call('GET', `/stock/${sku}`)).body.available).toBe(10);
      expect((await call('GET', `/stock/${scarce}`)).body.available).toBe(1);
    });

    test('an order is answered 503 with Retry-After while a queue is full, and is accepted afterwards', async () => {
      const { sku, customerId } = await aShelf(10);
      const { channel } = service.host;
      const limits = { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-overflow': 'reject-publish' };
      await channel.assertQueue('full', { durable: true, arguments: limits });
      await channel.bindQueue('full', 'orders', 'order.created');
      const key = randomUUID();
      const refused = await eventually('a refusal', async () => {
        const answer = await place(anOrder(sku, customerId), randomUUID());
        return answer.status === 503 && answer;
      });
      expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(refused.body).toMatchObject({ type: 'urn:surehop:problem:refused', status: 503 });
      await channel.unbindQueue('full', 'orders', 'order.created');
      const accepted = await eventually('room in the queue', async () => {
        const answer = await place(anOrder(sku, customerId), key);
        return answer.status === 202 && answer;
      });
      await ended(accepted.body.orderId, 'fulfilled');
    });
  });

  describe('a message whose processing fails', () => {
    test('a message that keeps failing is retried after 1, 2 and 4 seconds, becomes a dead letter, and is completed after a redrive', async () => {
      const { sku, customerId } = await aShelf(10);
      // DynamoDB cannot add a number to points that are stored as text, so the rule fails.
      await setPoints(customerId, { S: 'spoilt' });
      const { body } = await place(anOrder(sku, customerId));
      const attempts = new Map<number, number>();
      const dead = await eventually('the dead letter', async () => {
        const { consumers, status } = (await call('GET', `/orders/${body.orderId}`)).body;
        const { attempt, at, outcome } = consumers.points;
        if (outcome === 'retrying') attempts.set(attempt, Date.parse(at));
        return status === 'dead-lettered' && consumers.points;
      });
      expect(dead).toMatchObject({ code: 'ATTEMPTS_EXHAUSTED', attempt: 4 });
      attempts.set(4, Date.parse(dead.at));
      expect([...attempts.keys()]).toEqual([1, 2, 3, 4]);
      const at = [...attempts.values()];
      [1_000, 2_000, 4_000].forEach((delayMs, index) =>
        expect(at[index + 1]! - at[index]!).toBeGreaterThanOrEqual(delayMs),
      );
      expect((await call('GET', `/stock/${sku}`)).body.available).toBe(8);

      const [deadLetter] = await eventually('it to be archived', async () => {
        const { deadLetters } = (await call('GET', '/dead-letters?queue=points&code=ATTEMPTS_EXHAUSTED')).body;
        const ours = deadLetters.filter(({ messageId }: { messageId: string }) => messageId === body.orderId);
        return ours.length > 0 && ours;
      });
      // A redriven message that fails again is a dead letter again.
      expect((await call('POST', `/dead-letters/${deadLetter.id}/redrive`, {})).status).toBe(200);
      const again = await eventually('the second dead letter', async () => {
        const { deadLetters } = (await call('GET', '/dead-letters?queue=points&status=open')).body;
        return deadLetters.find(
          ({ messageId, redrives }: { messageId: string; redrives: number }) =>
            messageId === body.orderId && redrives === 1,
        );
      });
      await setPoints(customerId, { N: '5' });
      expect((await call('POST', `/dead-letters/${again.id}/redrive`, {})).status).toBe(200);
      await ended(body.orderId, 'fulfilled');
      expect((await call('GET', `/customers/${customerId}/points`)).body.points).toBe(8);
    });
  });

  describe('invalid messages and orders', () => {
    test('a message with malformed JSON becomes a dead letter without retries, is archived unchanged, and can be discarded', async () => {
      const raw = Buffer.from(`{"orderId": "${randomUUID()}", \xff`, 'latin1');
      const messageId = randomUUID();
      service.host.channel.publish('orders', 'order.rejected', raw, {
        messageId,
        persistent: true,
        headers: { tenant: 'blue' },
      });
      const { id } = await eventually('the dead letter', async () => {
        const { deadLetters } = (await call('GET', '/dead-letters?code=MALFORMED')).body;
        return deadLetters.find((deadLetter: { messageId: string }) => deadLetter.messageId === messageId);
      });
      const { body } = await call('GET', `/dead-letters/${id}`);
      expect(Buffer.from(body.body.base64, 'base64')).toEqual(raw);
      expect(body).toMatchObject({
        queue: 'points',
        code: 'MALFORMED',
        status: 'open',
        headers: expect.objectContaining({ tenant: 'blue' }),
      });
      expect((await call('DELETE', `/dead-letters/${id}`, { reason: 'a test' })).status).toBe(200);
      expect((await call('GET', `/dead-letters/${id}`)).body).toMatchObject({
        status: 'discarded',
        discardReason: 'a test',
      });
    });

    test('an invalid order is answered 400 with a problem document that names every invalid field', async () => {
      const { status, body } = await place({
        customerId: '',
        currency: 'EUR',
        items: [{ sku: 'apple', quantity: 0, unitPrice: -1 }],
      });
      expect(status).toBe(400);
      expect(body.errors.map(({ pointer }: { pointer: string }) => pointer).toSorted()).toEqual([
        '/customerId',
        '/items/0/quantity',
        '/items/0/unitPrice',
      ]);
    });
  });

  describe('the endpoints for health, readiness and status', () => {
    test('the service reports its health, its readiness, and the number of consumers of each queue', async () => {
      expect((await call('GET', '/healthz')).status).toBe(200);
      expect((await call('GET', '/readyz')).status).toBe(200);
      const { body } = await call('GET', '/status');
      expect(body.queues.map(({ name }: { name: string }) => name)).toEqual(['stock', 'points']);
      await eventually('an event source for each queue, or each shard of it, to be known', async () => {
        const { body: status } = await call('GET', '/status');
        return Object.values(queues).every(
          ({ name, shards }) =>
            status.queues.find((queue: { name: string }) => queue.name === name).consumers === shards.length,
        );
      });
    });
  });
}
