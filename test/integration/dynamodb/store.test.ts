import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { createTestTables } from '../../support/example/create-tables.ts';
import { createInbox } from '../../../lib/inbox/create-inbox.ts';
import { inboxTableOf } from '../../../lib/inbox/table.ts';
import { store as client } from '../../../lib/dynamodb/store.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { createSurehop, type Surehop } from '../../../lib/runtime/surehop.ts';
import { openStore } from '../../support/store.ts';
import type { TestStore } from '../../support/store.ts';
import { firstAttempt } from '../../support/delivery.ts';

let store: TestStore;
let surehop: Surehop;

beforeAll(async () => {
  store = await openStore();
  surehop = createSurehop({ environment: { ...process.env, TABLE_PREFIX: store.prefix } });
});
afterAll(async () => {
  client(surehop).destroy();
  await store.close();
});

test('the inbox uses the DynamoDB endpoint and the table prefix in the settings of the process', async () => {
  const entry = { ...firstAttempt, id: 'm1' as MessageId, payloadHash: 'hash', decision: { effects: [] } };
  const results = await createInbox(inboxTableOf(surehop)).commit('loans', [entry], AbortSignal.timeout(10_000));
  expect(results).toMatchObject([{ is: 'completed' }]);
  expect(inboxTableOf(surehop)).toBe(inboxTableOf(surehop));
  expect(await store.get('inbox', { pk: { S: 'loans#m1' } })).toMatchObject({
    state: { S: 'completed' },
    at: { S: expect.stringMatching(/^2.*Z$/) },
    payloadHash: { S: 'hash' },
  });
});

test('createTables keeps the items of tables that already exist', async () => {
  const endpoint = process.env['DYNAMODB_ENDPOINT']!;
  await store.put('notices', { customerId: { S: 'c' }, notices: { N: '7' } });
  const names = await createTestTables(endpoint, store.prefix);
  expect(names.map((name) => name.slice(store.prefix.length))).toEqual(
    expect.arrayContaining(['audit', 'receipts', 'dead-letters', 'inbox', 'library', 'notices', 'loans']),
  );
  expect(await store.get('notices', { customerId: { S: 'c' } })).toMatchObject({ notices: { N: '7' } });
});

test('the dead-letters table has one index by time and one index by message id', async () => {
  const { Table } = await store.client.send(new DescribeTableCommand({ TableName: `${store.prefix}dead-letters` }));
  const indexes = (Table?.GlobalSecondaryIndexes ?? []).map(
    ({ IndexName, KeySchema }) => `${IndexName}: ${KeySchema?.map(({ AttributeName }) => AttributeName).join(', ')}`,
  );
  expect(indexes.toSorted()).toEqual(['by-message: messageId, listedAt', 'newest: kind, listedAt']);
});
