import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import type { RabbitMqEvent } from '../../../lib/message/delivery.ts';
import type { BatchReport } from '../../../lib/consumer/report.ts';
import { readItem } from '../../../lib/dynamodb/read-item.ts';
import type { AnyTable } from '../../../lib/dynamodb/tables.ts';
import { declareTopology } from '../../../lib/rabbitmq/topology/declare.ts';
import { defineTopology } from '../../../lib/rabbitmq/topology/define.ts';
import type { WorkQueue } from '../../../lib/rabbitmq/topology/topology.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, anInvocation, aRecord } from '../../support/delivery.ts';
import { aGuide, createGuideTables } from '../../support/guide.ts';

interface Example {
  readonly payments: AnyTable;
  readonly queues: Readonly<Record<string, WorkQueue>>;
  handler(event: RabbitMqEvent, context: ReturnType<typeof anInvocation>): Promise<BatchReport>;
}

const guide = aGuide('retries-and-dead-letters.md');
let backend: Backend;
let example: Example;

beforeAll(async () => {
  backend = await aBackend();
  example = await guide.load<Example>(0);
  await createGuideTables(`${backend.host.name}-`, [example.payments]);
  await declareTopology(backend.host.amqpUrl, defineTopology(example.queues));
});
afterAll(async () => {
  await backend?.remove();
  guide.remove();
});

const paid = (data: object, { attempt = 1, ageMs = 0 } = {}) =>
  aRecord({
    type: 'invoice.paid',
    body: { invoiceId: randomUUID(), amount: 1, currency: 'EUR', ...data },
    headers: {
      'surehop-attempt': attempt,
      'surehop-published-at': new Date(Date.now() - ageMs).toISOString(),
    },
  });

const run = (...records: ReturnType<typeof paid>[]) => example.handler(anEvent(records, 'invoices'), anInvocation());

const idsIn = async (queue: string) =>
  (await backend.host.drain(queue)).map((message) => message && message.properties.messageId);

test('the example in docs/guides/retries-and-dead-letters.md completes, retries and dead-letters messages as the guide says', async () => {
  expect(guide.blocks('ts')).toHaveLength(1);
  const invoiceId = randomUUID();
  const failing = { amount: -1 };
  const [permanent, later, first, second, last, old] = [
    paid({ currency: 'XTS' }),
    paid({ currency: 'XXX' }),
    paid(failing),
    paid(failing, { attempt: 2 }),
    paid(failing, { attempt: 3 }),
    paid({}, { ageMs: 25 * 3_600_000 }),
  ];
  const report = await run(paid({ invoiceId }), permanent, later, first, second, last, old);
  expect(report.counts).toMatchObject({ completed: 1, retry: 3, 'dead-letter': 3 });
  const idsOf = (...records: (typeof first)[]) =>
    records.map(({ basicProperties }) => basicProperties['messageId']).toSorted();
  expect((await idsIn('retry.10s')).toSorted()).toEqual(idsOf(first));
  expect((await idsIn('retry.1m')).toSorted()).toEqual(idsOf(later, second));
  const dead = await backend.host.drain('dead-letters');
  const codes = dead.map((message) => message && message.properties.headers?.['surehop-dead-letter-code']);
  expect(codes.toSorted()).toEqual(['ATTEMPTS_EXHAUSTED', 'TEST_CURRENCY', 'TOO_OLD']);
  expect(await readItem(await backend.surehop(), example.payments, { invoiceId })).toMatchObject({ amount: 1 });
});
