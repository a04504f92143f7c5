import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import currencies from 'currency-codes';
import fc from 'fast-check';

import type { Order } from '../../../functions/orders/events.ts';
import { pointsFor, totalOf } from '../../../functions/orders/total.ts';
import type { BatchReport } from '../../../lib/consumer/report.ts';
import type { RabbitMqEvent } from '../../../lib/message/delivery.ts';
import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { callAsOperator, callSigned } from '../../support/as-client.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, anInvocation } from '../../support/delivery.ts';
import { recordFromBroker } from '../../support/from-broker.ts';
import { call } from '../../support/request.ts';
import { numRuns } from '../../support/thorough.ts';

type Consumer = (event: RabbitMqEvent, context: { getRemainingTimeInMillis(): number }) => Promise<BatchReport>;

let backend: Backend;
let placeOrder: HttpHandler;
let putStock: HttpHandler;
let getStock: HttpHandler;
let getPoints: HttpHandler;
let consumers: Readonly<Record<'stock' | 'points', Consumer>>;

beforeAll(async () => {
  backend = await aBackend();
  await backend.declare();
  ({ handler: placeOrder } = await import('../../../functions/orders/place-order.ts'));
  ({ handler: putStock } = await import('../../../functions/orders/put-stock.ts'));
  ({ handler: getStock } = await import('../../../functions/orders/get-stock.ts'));
  ({ handler: getPoints } = await import('../../../functions/orders/get-points.ts'));
  const { handler: stock } = await import('../../../functions/orders/reserve-stock.ts');
  const { handler: points } = await import('../../../functions/orders/award-points.ts');
  consumers = { stock, points };
});
afterAll(() => backend.remove());

/** Generates integers from `min` to `max`, many of them at or near these limits. */
const within = (min: number, max: number) =>
  fc.oneof(fc.constantFrom(min, max), fc.integer({ min, max: Math.min(max, min + 3) }), fc.integer({ min, max }));

const name = fc.oneof(
  fc.constantFrom('a', 'b', '.', '-', '_'.repeat(100)),
  fc.stringMatching(/^[A-Za-z0-9._-]{1,100}$/),
);

const DEAREST: Order = {
  customerId: 'dearest',
  currency: 'JPY',
  items: Array.from({ length: 50 }, () => ({ sku: 'gold', quantity: 1_000, unitPrice: 1_000_000_000 })),
};

const order: fc.Arbitrary<Order> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(DEAREST) },
  {
    weight: 6,
    arbitrary: fc.record({
      customerId: name,
      currency: fc.constantFrom('JPY', 'EUR', 'KWD', 'CLF', ...currencies.codes()),
      items: fc.array(fc.record({ sku: name, quantity: within(1, 1_000), unitPrice: within(0, 1_000_000_000) }), {
        minLength: 1,
        maxLength: 50,
        size: 'max',
      }),
    }),
  },
);

async function work(queue: 'stock' | 'points'): Promise<BatchReport> {
  const messages = await backend.host.drain(queue);
  return consumers[queue](anEvent(messages.map(recordFromBroker), queue), anInvocation());
}

/** Returns the messages of a batch that were neither completed nor rejected. */
const failures = ({ notCompleted }: BatchReport) => notCompleted.filter(({ outcome }) => outcome !== 'rejected');

test('every order that the API accepts with 202 is fulfilled or rejected at its first attempt, and never retried or dead-lettered', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(order, { minLength: 1, maxLength: 8 }),
      within(0, 1_000_000_000),
      async (orders, available) => {
        const skus = new Set(orders.flatMap(({ items }) => items.map(({ sku }) => sku)));
        // Only the first five SKUs get a stock.
        for (const sku of [...skus].slice(0, 5)) {
          const got = await callAsOperator(putStock, { route: 'PUT /stock/{sku}', path: { sku }, body: { available } });
          expect(got.status).toBe(200);
        }
        for (const body of orders)
          expect((await callSigned(placeOrder, randomUUID(), { route: 'POST /orders', body })).status).toBe(202);

        const pointsFirst = await work('points');
        const stock = await work('stock');
        // The second batch of the queue "points" contains the rejected orders.
        const pointsAgain = await work('points');
        expect([pointsFirst, stock, pointsAgain].flatMap(failures)).toEqual([]);
        expect(stock.counts.completed + stock.counts.rejected).toBe(orders.length);
        expect(pointsFirst.counts.completed).toBe(orders.length);
        expect(pointsAgain.counts.completed).toBe(stock.counts.rejected);

        const rejected = new Set(stock.notCompleted.map(({ id }) => id));
        expect(rejected.size).toBe(stock.counts.rejected);
        for (const sku of [...skus].slice(0, 5)) {
          const { body } = await call(getStock, { route: 'GET /stock/{sku}', path: { sku } });
          expect(body.available).toBeGreaterThanOrEqual(0);
          expect(body.available).toBeLessThanOrEqual(available);
        }
      },
    ),
    {
      numRuns: numRuns({ everyday: 8, thorough: 25 }),
      examples: [
        [[DEAREST, DEAREST], 1_000_000_000],
        [[DEAREST], 0],
        [Array.from({ length: 8 }, () => DEAREST), 100_000],
      ],
    },
  );
  for (const queue of ['dead-letters', 'retry.1s']) expect(await backend.host.drain(queue)).toEqual([]);
});

test('the points for an order are calculated exactly, whatever the currency and the prices of the order are', () => {
  fc.assert(
    fc.property(order, ({ currency, items }) => {
      const digits = BigInt(currencies.code(currency)?.digits ?? 2);
      const total = items.reduce((sum, one) => sum + BigInt(one.quantity) * BigInt(one.unitPrice), 0n);
      expect(BigInt(totalOf({ items }))).toBe(total);
      expect(BigInt(pointsFor(Number(total), currency))).toBe(total / 10n ** digits);
    }),
    { numRuns: numRuns({ everyday: 300, thorough: 2_000 }) },
  );
});

test('if a customer has more than 2^53 - 1 points, DynamoDB contains the exact number and the API returns 2^53 - 1', async () => {
  const { store } = await import('../../../lib/dynamodb/store.ts');
  const surehop = await backend.surehop();
  const { PutItemCommand, GetItemCommand } = await import('@aws-sdk/client-dynamodb');
  const TableName = `${process.env.TABLE_PREFIX}points`;
  const customerId = 'very-rich';
  const before = 9_007_199_254_740_993n;
  await store(surehop).send(
    new PutItemCommand({ TableName, Item: { customerId: { S: customerId }, points: { N: String(before) } } }),
  );
  await callSigned(placeOrder, randomUUID(), { route: 'POST /orders', body: { ...DEAREST, customerId } });
  expect((await work('points')).counts).toMatchObject({ completed: 1 });
  await backend.host.drain('stock');
  const { Item } = await store(surehop).send(new GetItemCommand({ TableName, Key: { customerId: { S: customerId } } }));
  expect(BigInt(Item!.points!.N!)).toBe(before + BigInt(totalOf(DEAREST)));
  const got = await call(getPoints, { route: 'GET /customers/{id}/points', path: { id: customerId } });
  expect(got).toMatchObject({ status: 200, body: { points: Number.MAX_SAFE_INTEGER } });
});
