import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { readItem } from 'surehop/dynamodb';
import { deriveId } from 'surehop/events';
import { workshop, type Workshop } from 'surehop-dev';

import { orderPlaced } from '../functions/orders/events.ts';
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

test('an order that RabbitMQ delivers is billed in DynamoDB', async () => {
  const { handler } = await import('../functions/orders/bill-customer.ts');
  const orderId = deriveId('an order');
  await bench.publish(orderPlaced, { orderId, customerId: 'ada', cents: 250 }, { id: orderId });
  await bench.deliver(handler, queues.billing);
  assert.deepEqual(await readItem(bench.surehop, tables.balances, { customerId: 'ada' }), {
    customerId: 'ada',
    cents: 250,
  });
  assert.equal(await bench.waiting(queues.billing.name), 0);
});
