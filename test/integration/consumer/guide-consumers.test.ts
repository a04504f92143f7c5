import { afterAll, beforeAll, expect, test } from '@jest/globals';

import type { RabbitMqEvent } from '../../../lib/message/delivery.ts';
import type { BatchReport } from '../../../lib/consumer/report.ts';
import { readItem } from '../../../lib/dynamodb/read-item.ts';
import type { AnyTable } from '../../../lib/dynamodb/tables.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, anInvocation, aRecord } from '../../support/delivery.ts';
import { aGuide, createGuideTables } from '../../support/guide.ts';

interface Example {
  readonly parcels: AnyTable;
  handler(event: RabbitMqEvent, context: ReturnType<typeof anInvocation>): Promise<BatchReport>;
}

const guide = aGuide('consumers.md');
let backend: Backend;
beforeAll(async () => {
  backend = await aBackend();
});
afterAll(async () => {
  await backend?.remove();
  guide.remove();
});

test('the example consumer in docs/guides/consumers.md compiles, calls perform for a message, and commits the decision that perform returns', async () => {
  expect(guide.blocks('ts')).toHaveLength(1);
  const { handler, parcels } = await guide.load<Example>(0);
  await createGuideTables(`${backend.host.name}-`, [parcels]);
  const packed = aRecord({
    type: 'parcel.packed',
    body: { parcelId: 'p-1', weight: 1 },
    headers: { 'surehop-published-at': new Date().toISOString() },
  });
  const report = await handler(anEvent([packed], 'shipping'), anInvocation());
  expect(report.counts).toMatchObject({ completed: 1 });
  expect(await readItem(await backend.surehop(), parcels, { parcelId: 'p-1' })).toMatchObject({ state: 'shipped' });
});
