import { describe, test } from '@jest/globals';
import { emit } from 'surehop/consumer';
import { crashAfterEachStep, exhaust, testConsumer } from 'surehop/testing';

import { handler as awardPoints } from '../../../functions/orders/award-points.ts';
import { orderCreated, orderRejected } from '../../../functions/orders/events.ts';
import { handler as reserveStock } from '../../../functions/orders/reserve-stock.ts';
import { tables } from '../../../infra/tables.ts';

const order = {
  orderId: '0b8f9a52-6f0e-4b39-9c0e-2f6d1f1f7a10',
  customerId: 'ada',
  currency: 'EUR',
  items: [
    { sku: 'apple', quantity: 2, unitPrice: 150 },
    { sku: 'pear', quantity: 1, unitPrice: 400 },
    { sku: 'apple', quantity: 1, unitPrice: 150 },
  ],
};
const { orderId, customerId, currency } = order;
const rejection = { orderId, customerId, currency, total: 850, reason: 'OUT_OF_STOCK' } as const;

describe('the consumer of the queue stock', () => {
  test('an order reserves the items of each SKU once, even if the process crashes after any step', async () => {
    await crashAfterEachStep(reserveStock, async (stock) => {
      stock
        .given(tables.stock, { sku: 'apple' }, { available: 5 })
        .given(tables.stock, { sku: 'pear' }, { available: 1 });
      const received = await stock.receive(orderCreated, order);
      received.expect({ outcome: 'completed', events: [], settlement: 'acknowledged' });
      stock.expectItem(tables.stock, { sku: 'apple' }, { available: 2 });
      stock.expectItem(tables.stock, { sku: 'pear' }, { available: 0 });
    });
  });

  test('an order is rejected and reserves nothing if one of its items is out of stock, even if the process crashes after any step', async () => {
    await crashAfterEachStep(reserveStock, async (stock) => {
      stock.given(tables.stock, { sku: 'apple' }, { available: 5 });
      const received = await stock.receive(orderCreated, order);
      received.expect({
        outcome: 'rejected',
        reason: 'OUT_OF_STOCK',
        effects: [],
        events: [emit(orderRejected, rejection)],
      });
      stock.expectItem(tables.stock, { sku: 'apple' }, { available: 5 });
    });
  });

  test('two orders never reserve more items than are available, even if one or two faults occur while the orders are processed', async () => {
    const two = emit(orderCreated, { ...order, items: [{ sku: 'apple', quantity: 2, unitPrice: 150 }] });
    await exhaust(reserveStock, [two, two], {
      given: (store) => store.given(tables.stock, { sku: 'apple' }, { available: 3 }),
      always: ({ item }) => item(tables.stock, { sku: 'apple' })!.available >= 0,
      finally: ({ item }) => item(tables.stock, { sku: 'apple' })?.available === 1,
    });
  });
});

describe('the consumer of the queue points', () => {
  test('a customer gets one point for each whole currency unit of an order total, for example 8 points for 8.50 EUR', async () => {
    for (const [currency, points] of [
      ['EUR', 8],
      ['JPY', 850],
    ] as const) {
      const consumer = testConsumer(awardPoints);
      const received = await consumer.receive(orderCreated, { ...order, currency });
      received.expect({ outcome: 'completed', events: [] });
      consumer.expectItem(tables.points, { customerId: 'ada' }, { points });
    }
  });

  test('a customer gets no points for a rejected order, even if one or two faults occur while the two events of the order are processed', async () => {
    await exhaust(awardPoints, [emit(orderCreated, order), emit(orderRejected, rejection)], {
      given: (store) => store.given(tables.points, { customerId: 'ada' }, { points: 10 }),
      finally: ({ item }) => item(tables.points, { customerId: 'ada' })?.points === 10,
    });
  });
});
