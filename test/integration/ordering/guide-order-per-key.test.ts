import { afterAll, beforeAll, expect, test } from '@jest/globals';

import type { RabbitMqEvent } from '../../../lib/message/delivery.ts';
import type { BatchReport } from '../../../lib/consumer/report.ts';
import { readItem } from '../../../lib/dynamodb/read-item.ts';
import type { AnyTable } from '../../../lib/dynamodb/tables.ts';
import type { EventDefinition } from '../../../lib/events/define.ts';
import { declareTopology } from '../../../lib/rabbitmq/topology/declare.ts';
import { defineTopology } from '../../../lib/rabbitmq/topology/define.ts';
import type { WorkQueue } from '../../../lib/rabbitmq/topology/topology.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, anInvocation, aRecord } from '../../support/delivery.ts';
import { aGuide, createGuideTables } from '../../support/guide.ts';

interface Booking {
  readonly account: string;
  readonly amount: number;
}

interface Example {
  readonly accounts: AnyTable;
  readonly bookingMade: EventDefinition<Booking>;
  readonly queues: Readonly<Record<string, WorkQueue>>;
  handler(event: RabbitMqEvent, context: ReturnType<typeof anInvocation>): Promise<BatchReport>;
}

const guide = aGuide('order-per-key.md');
let backend: Backend;
let example: Example;

beforeAll(async () => {
  backend = await aBackend();
  example = await guide.load<Example>(0);
  await createGuideTables(`${backend.host.name}-`, [example.accounts]);
  await declareTopology(backend.host.amqpUrl, defineTopology(example.queues));
});
afterAll(async () => {
  await backend?.remove();
  guide.remove();
});

const booking = (account: string, amount: number) =>
  aRecord({
    type: 'booking.made',
    body: { account, amount },
    headers: { 'surehop-key': example.bookingMade.key!({ account, amount }) },
  });

const bookingsOf = async (account: string) =>
  (await readItem(await backend.surehop(), example.accounts, { account }))?.['bookings'];

test('the example in docs/guides/order-per-key.md processes the bookings of an account in order, and a failed booking blocks only bookings of the same account', async () => {
  expect(guide.blocks('ts')).toHaveLength(1);
  const batch = [booking('ada', 1), booking('ada', 0), booking('bob', 4), booking('ada', 2), booking('bob', 5)];
  const report = await example.handler(anEvent(batch, 'ledger'), anInvocation());
  expect(report.counts).toMatchObject({ completed: 3, retry: 1, postponed: 1 });
  expect(await bookingsOf('ada')).toEqual([1]);
  expect(await bookingsOf('bob')).toEqual([4, 5]);
});
