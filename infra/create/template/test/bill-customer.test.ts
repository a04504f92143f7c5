import { test } from 'node:test';

import { crashAfterEachStep, testConsumer } from 'surehop/testing';

import { handler } from '../functions/orders/bill-customer.ts';
import { orderPlaced } from '../functions/orders/events.ts';
import { tables } from '../infra/tables.ts';

// These tests run the real consumer in memory, without RabbitMQ and DynamoDB.
const order = { orderId: '0b8f9a52-6f0e-4b39-9c0e-2f6d1f1f7a10', customerId: 'ada', cents: 250 };

test('an order that is delivered twice is billed once', async () => {
  const billing = testConsumer(handler);
  const received = await billing.receive(orderPlaced, order);
  received.expect({ outcome: 'completed' });
  await billing.redeliver(received);
  billing.expectItem(tables.balances, { customerId: 'ada' }, { cents: 250 });
});

test('an order is billed once, even if the process crashes after any step', async () => {
  await crashAfterEachStep(handler, async (billing) => {
    await billing.receive(orderPlaced, order);
    billing.expectItem(tables.balances, { customerId: 'ada' }, { cents: 250 });
  });
});
