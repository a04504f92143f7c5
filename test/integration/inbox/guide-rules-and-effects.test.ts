import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { CreateTableCommand, DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildSync } from 'esbuild';

import { rootDirectory } from '../../../infra/dev/runtime/directories.ts';
import type { Effect } from '../../../lib/dynamodb/effects.ts';
import { readItemFrom } from '../../../lib/dynamodb/read-item.ts';
import type { AnyTable } from '../../../lib/dynamodb/tables.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import type { Decision } from '../../../lib/inbox/decision.ts';
import { createSurehop, type Surehop } from '../../../lib/runtime/surehop.ts';
import { firstAttempt } from '../../support/delivery.ts';
import { BANNER } from '../../support/guide.ts';
import { openStore, type TestStore } from '../../support/store.ts';

const guide = readFileSync(join(rootDirectory, 'docs/guides/rules-and-effects.md'), 'utf8');
const blocks = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!);

interface Examples extends Record<'earn' | 'spend' | 'pay' | 'order' | 'open' | 'large' | 'discard', Effect> {
  readonly carts: AnyTable;
  close(cartId: string, context: object): Promise<Decision>;
  reopen(surehop: Surehop, cartId: string): Promise<string>;
}

let store: TestStore;
let examples: Examples;
const directory = mkdtempSync(join(tmpdir(), 'surehop-guide-'));

beforeAll(async () => {
  store = await openStore();
  const outfile = join(directory, 'examples.mjs');
  buildSync({
    stdin: { contents: blocks.join('\n'), resolveDir: rootDirectory, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: BANNER },
  });
  examples = (await import(pathToFileURL(outfile).href)) as Examples;
  await store.client.send(
    new CreateTableCommand({
      TableName: `${store.prefix}carts`,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'cartId', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'cartId', KeyType: 'HASH' }],
    }),
  );
}, 60_000);
afterAll(async () => {
  await store.client.send(new DeleteTableCommand({ TableName: `${store.prefix}carts` }));
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

let messages = 0;
async function commit(decision: Decision): Promise<string> {
  const entry = { ...firstAttempt, id: `m${++messages}` as MessageId, payloadHash: 'hash', decision };
  const [result] = await store.inbox().commit('carts', [entry], new AbortController().signal);
  return result!.is === 'rejected' ? `rejected ${result!.marker.reason}` : result!.is;
}
const read = (table: AnyTable, key: { cartId: string }) => readItemFrom(store.client, store.prefix, table, key);
const cart = (cartId: string) => read(examples.carts, { cartId });

test('every effect in the guide about rules and effects does what the guide says', async () => {
  const { earn, spend, pay, order, open, large, discard } = examples;
  expect(await commit({ effects: [pay] })).toBe('completed');
  expect(await commit({ effects: [earn] })).toBe('completed');
  expect(await commit({ effects: [spend] })).toBe('completed');
  expect(await cart('a')).toEqual({ cartId: 'a', status: 'paid', total: 150, address: { city: 'Ghent', floor: null } });
  expect(await commit({ effects: [order, large] })).toBe('completed');
  expect(await commit({ effects: [order] })).toBe('completed');
  const line = { product: 'apple', quantity: 2 };
  expect(await cart('a')).toMatchObject({ lines: [line, line], coupons: new Set(['SPRING', 'APPLES']) });
  expect(await commit({ effects: [spend] })).toBe('completed');
  expect(await commit({ effects: [spend] })).toBe('failed');
  expect(await commit({ effects: [large] })).toBe('failed');
  expect(await commit({ effects: [open] })).toBe('completed');
  expect(await commit({ effects: [open] })).toBe('failed');
  expect(await cart('b')).toEqual({ cartId: 'b', status: 'open', total: 0 });
  expect(await commit({ effects: [discard] })).toBe('completed');
  expect(await cart('b')).toBeUndefined();
});

test('the business rule in the guide about rules and effects rejects an unknown or unpaid cart, and closes a paid cart', async () => {
  const { carts, close } = examples;
  const effect = (status: string): Effect => ({
    kind: 'put',
    table: carts,
    key: { cartId: 'c' },
    item: { status, total: 7 },
  });
  expect(await commit(await close('c', { read }))).toBe('rejected UNKNOWN_CART');
  await commit({ effects: [effect('open')] });
  expect(await commit(await close('c', { read }))).toBe('rejected NOT_PAID');
  await commit({ effects: [effect('paid')] });
  expect(await commit(await close('c', { read }))).toBe('completed');
  expect(await cart('c')).toEqual({ cartId: 'c', status: 'closed', total: 7, note: 'closed at 7' });
});

test('the example of writeItem in the guide about rules and effects reopens a closed cart only once', async () => {
  const { carts, reopen } = examples;
  const surehop = createSurehop({ environment: { TABLE_PREFIX: store.prefix }, clients: { dynamodb: store.client } });
  await commit({ effects: [carts.put({ cartId: 'd' }, { status: 'closed' })] });
  expect(await reopen(surehop, 'd')).toBe('reopened');
  expect(await cart('d')).toMatchObject({ status: 'open' });
  expect(await reopen(surehop, 'd')).toBe('not closed');
});
