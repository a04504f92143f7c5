import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';

import { createJob, readJob } from '../../../lib/dead-letters/job-requests.ts';
import { audited } from '../../../lib/http/audit.ts';
import { claimKey } from '../../../lib/http/idempotency/intake-record.ts';
import { createSurehop, type Surehop } from '../../../lib/runtime/surehop.ts';
import { tables } from '../../support/example/tables.ts';
import { sendWritesTwice } from '../../support/store-faults.ts';
import { openStore, type TestStore } from '../../support/store.ts';

let store: TestStore;
let surehop: Surehop;
beforeAll(async () => {
  store = await openStore();
  surehop = createSurehop({
    environment: { TABLE_PREFIX: store.prefix, SERVICE_NAME: 'a-shop', AMQP_URL: 'amqp://broker.test' },
    clients: { dynamodb: store.client },
    clock: store.clock,
  });
});
afterAll(() => store.close());

let restore: () => void;
beforeEach(() => void (restore = sendWritesTwice(store.client)));
afterEach(() => restore());

const order = {
  action: 'discard',
  ids: ['one'],
  maximum: 10,
  force: false,
  ratePerSecond: 50,
  reason: 'a test',
  requestedBy: 'ada',
} as const;

test('if the AWS SDK repeats the write of a new job because the reply was lost, the job is started, and a second job with the same id is refused', async () => {
  const table = { client: store.client, tablePrefix: store.prefix, retentionDays: 90 };
  const id = `job-${randomUUID()}`;
  expect(await createJob(table, id, order, store.clock.now())).toMatchObject({ id, status: 'running' });
  expect(await readJob(table, id)).toMatchObject({ order, status: 'running' });
  await expect(createJob(table, id, order, store.clock.now())).rejects.toThrow();
});

test('if the AWS SDK repeats the write of an audit record after a lost reply, the write succeeds; a second change with the same request id is refused', async () => {
  const request = { surehop, id: randomUUID(), client: 'ada', route: 'DELETE /dead-letters/{id}' };
  const change = { subject: 'dead-letters/17', reason: 'a test' };
  expect(await audited(request, change, async () => 'made')).toBe('made');
  expect(await store.get('audit', { id: { S: request.id } })).toMatchObject({ outcome: { S: 'succeeded' } });
  await expect(audited(request, change, async () => 'made again')).rejects.toThrow();
});

test('if the AWS SDK repeats the write of an idempotency record because the reply was lost, the HTTP request is accepted, and a second request with the same idempotency key gets 409', async () => {
  const intake = { surehop, table: tables.library, key: { loanId: randomUUID() }, payload: {}, client: 'shop' };
  expect(await claimKey(intake)).toBe('claimed');
  await expect(claimKey(intake)).rejects.toMatchObject({ problem: 'request-in-progress' });
});
