import { describe, test } from '@jest/globals';
import { emit } from 'surehop/consumer';
import { crashAfterEachStep, testConsumer } from 'surehop/testing';

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
});

describe('the consumer of the queue points', () => {
  test('an order gives one point for each whole unit of its currency', async () => {
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

  test('a rejected order gives no points, whichever of its two events arrives first', async () => {
    const created = emit(orderCreated, order);
    const rejected = emit(orderRejected, rejection);
    for (const events of [
      [created, rejected],
      [rejected, created],
    ]) {
      const consumer = testConsumer(awardPoints).given(tables.points, { customerId: 'ada' }, { points: 10 });
      for (const { event, data } of events) await consumer.receive(event, data);
      consumer.expectItem(tables.points, { customerId: 'ada' }, { points: 10 });
    }
  });
});
