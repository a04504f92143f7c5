import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { readItem } from 'surehop/dynamodb';
import { workshop, type Workshop } from 'surehop-dev';

import { tables } from '../infra/tables.ts';
import { queues } from '../infra/topology.ts';

// This test uses a real RabbitMQ and a real DynamoDB, with queues and tables of its own.
let bench: Workshop;
before(async () => {
  bench = await workshop({ queues, tables });
  // functions/surehop.ts reads its settings when the test imports the function.
  Object.assign(process.env, bench.environment);
});
after(() => bench.close());

test('an order that is sent twice over HTTP is billed once', async () => {
  const placeOrder = await import('../functions/orders/place-order.ts');
  const { handler } = await import('../functions/orders/bill-customer.ts');
  const order = { route: placeOrder.route.route, body: { customerId: 'ada', cents: 250 }, key: 'one' };
  assert.equal((await bench.request(placeOrder.handler, order)).status, 202);
  assert.equal((await bench.request(placeOrder.handler, order)).status, 202);
  await bench.deliver(handler, queues.billing);
  assert.deepEqual(await readItem(bench.surehop, tables.balances, { customerId: 'ada' }), {
    customerId: 'ada',
    cents: 250,
  });
  assert.equal(await bench.waiting(queues.billing.name), 0);
});
