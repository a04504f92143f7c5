import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { createTables } from '../../infra/local/parts/tables.ts';
import { inbox, store as client } from '../../lib/inbox/store.ts';
import type { MessageId } from '../../lib/message-id.ts';
import { openStore } from '../support/store.ts';
import type { TestStore } from '../support/store.ts';

let store: TestStore;
const before = process.env['TABLE_PREFIX'];

beforeAll(async () => {
  store = await openStore();
  process.env['TABLE_PREFIX'] = store.prefix;
});
afterAll(async () => {
  if (before === undefined) delete process.env['TABLE_PREFIX'];
  else process.env['TABLE_PREFIX'] = before;
  client().destroy();
  await store.close();
});

test('the inbox of a process works on the store that its settings name', async () => {
  const entry = { id: 'm1' as MessageId, payloadHash: 'hash', decision: { effects: [] } };
  const results = await inbox().commit('stock', [entry], AbortSignal.timeout(10_000));
  expect(results).toMatchObject([{ is: 'completed' }]);
  expect(inbox()).toBe(inbox());
  expect(await store.get('inbox', { pk: { S: 'stock#m1' } })).toMatchObject({ done: { S: expect.stringMatching(/^completed 2.*Z hash$/) } });
});

test('creating tables that are there changes nothing', async () => {
  const endpoint = process.env['DYNAMODB_ENDPOINT']!;
  await store.put('points', { customerId: { S: 'c' }, points: { N: '7' } });
  const names = await createTables({ endpoint, prefix: store.prefix });
  expect(names.map((name) => name.slice(store.prefix.length)).toSorted()).toEqual([
    'audit',
    'awards',
    'dead-letters',
    'inbox',
    'orders',
    'points',
    'stock',
  ]);
  expect(await store.get('points', { customerId: { S: 'c' } })).toMatchObject({ points: { N: '7' } });
});

test('dead letters can be listed newest first, and by message', async () => {
  const { Table } = await store.client.send(new DescribeTableCommand({ TableName: `${store.prefix}dead-letters` }));
  const indexes = (Table?.GlobalSecondaryIndexes ?? []).map(
    ({ IndexName, KeySchema }) => `${IndexName}: ${KeySchema?.map(({ AttributeName }) => AttributeName).join(', ')}`,
  );
  expect(indexes.toSorted()).toEqual(['by-message: messageId, listedAt', 'newest: kind, listedAt']);
});
