import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import { DeleteItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import * as z from 'zod';

import { defineEvent } from '../../../lib/events/define.ts';
import { emit, reject, type Decision } from '../../../lib/inbox/decision.ts';
import { describeError } from '../../../lib/runtime/errors.ts';
import { log } from '../../../lib/runtime/log.ts';
import type { Sequences } from '../../../lib/ordering/sequences.ts';
import { tables } from '../../support/example/tables.ts';
import { openStore, type TestStore } from '../../support/store.ts';
import { firstAttempt } from '../../support/delivery.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';

const MAX_ITEM_BYTES = 400 * 1024;
const DAY_SECONDS = 86_400;

let store: TestStore;
beforeAll(async () => {
  store = await openStore();
});
afterAll(() => store.close());

const sequencesOf = (keys: number, keyLength: number, idLength: number): Sequences =>
  Array.from({ length: keys }, (_, n) => [
    String(n).padEnd(keyLength, 'é'),
    [`m${n}`.padEnd(idLength, 'x') as MessageId],
  ]);

/** Compares two values without Jest, because Jest would print megabytes if the values differ. */
const same = isDeepStrictEqual;
const items = async () => (await store.all('inbox')).length;

const bytesOf = (item: Record<string, AttributeValue>) =>
  Object.entries(item).reduce(
    (sum, [name, { S = '', B = [] }]) => sum + Buffer.byteLength(name) + Buffer.byteLength(S) + B.length,
    0,
  );
const largestItem = async () => Math.max(0, ...(await store.all('inbox')).map(bytesOf));

test.each([
  ['6,000 keys', sequencesOf(6_000, 20, 36)],
  ['1,700 keys of 250 characters', sequencesOf(1_700, 250, 36)],
  ['10,000 keys and ids of the largest size', sequencesOf(10_000, 128, 255)],
  ['one key of 10,000 messages', [['one', sequencesOf(10_000, 1, 255).map(([, [id]]) => id!)]] as Sequences],
])('the inbox table can record an open batch of %s in items below the size limit of DynamoDB', async (_, lines) => {
  const { openBatches } = store.ports();
  const shard = randomUUID();
  const version = (await openBatches.begin(shard, lines, undefined))!;
  expect(version.parts).toBeGreaterThan(1);
  expect(same((await openBatches.read(shard))?.sequences, lines)).toBe(true);
  expect(await largestItem()).toBeLessThan(MAX_ITEM_BYTES);
  expect(await openBatches.end(shard, version)).toBe(true);
  expect(await items()).toBe(0);
});

test('after a newer batch has overwritten the stored message order of an older batch, the older batch cannot delete the stored message order of the newer batch', async () => {
  const { openBatches } = store.ports();
  const shard = randomUUID();
  const [first, second] = [sequencesOf(3_000, 100, 200), sequencesOf(3_001, 100, 200)];
  const before = (await openBatches.begin(shard, first, undefined))!;
  expect(await openBatches.begin(shard, second, undefined)).toBeUndefined();
  const after = (await openBatches.begin(shard, second, before))!;
  expect(await openBatches.begin(shard, first, before)).toBeUndefined();
  expect(await openBatches.end(shard, before)).toBe(false);
  expect(same((await openBatches.read(shard))?.sequences, second)).toBe(true);
  await openBatches.end(shard, after);
  expect(await items()).toBe(0);
});

test('if a process dies while it overwrites the stored message order of a batch, the next reader finds either the complete old order or the complete new order', async () => {
  const lines = { old: sequencesOf(3_000, 100, 200), new: sequencesOf(3_001, 100, 200) };
  const whole = store.ports().openBatches;
  let requests = 1;
  for (let fatal = 1; fatal <= requests; fatal += 1)
    for (const isDone of [false, true]) {
      const shard = randomUUID();
      const before = (await whole.begin(shard, lines.old, undefined))!;
      let sent = 0;
      let die = () => {};
      const died = new Promise<boolean>((resolve) => (die = () => resolve(false)));
      const dead = () => {
        die();
        return new Promise(() => {});
      };
      const send = store.client.send.bind(store.client) as (...args: unknown[]) => Promise<unknown>;
      const dying: DynamoDBClient = new Proxy(store.client, {
        get: (client, name) =>
          name !== 'send'
            ? Reflect.get(client, name)
            : async (...args: unknown[]) => {
                sent += 1;
                if (sent > fatal || (sent === fatal && !isDone)) return dead();
                const answer = await send(...args);
                return sent >= fatal ? dead() : answer;
              },
      });
      const { openBatches } = store.ports({ client: dying });
      const finished = openBatches.begin(shard, lines.new, before).then(() => true);
      const isFinished = await Promise.race([finished, died]);
      requests = Math.max(requests, isFinished ? 0 : fatal + 1);
      const found = await whole.read(shard);
      expect(same(found?.sequences, lines.old) || same(found?.sequences, lines.new)).toBe(true);
      await whole.end(shard, found!.version);
    }
  expect(requests).toBeGreaterThan(6);
  // Parts that no record refers to must expire, but not before the record that referred to them would have.
  const nowSeconds = Math.floor(store.clock.now() / 1_000);
  for (const item of await store.all('inbox')) {
    expect(item['pk']?.S).toMatch(/^!part#/);
    expect(Number(item['expiresAt']?.N)).toBe(nowSeconds + 15 * DAY_SECONDS);
  }
}, 120_000);

test('if the DynamoDB items that list the messages of an unfinished batch are lost, openBatches.read returns no messages and logs an error', async () => {
  const { openBatches } = store.ports();
  const error = jest.spyOn(log(), 'error').mockImplementation(() => {});
  const shard = randomUUID();
  await store.put('inbox', {
    pk: { S: `!open-batch#${shard}` },
    version: { S: 'long ago' },
    parts: { N: '2' },
    expiresAt: { N: '1' },
  });
  expect(await openBatches.read(shard)).toEqual({ sequences: [], version: { id: 'long ago', parts: 2 } });
  expect(error).toHaveBeenCalledWith(
    'the stored processing order of some messages was lost',
    expect.objectContaining({ item: `!open-batch#${shard}` }),
  );
  error.mockRestore();
});

test('if one of the DynamoDB items that store a blocked ordering key was deleted, the key counts as not blocked, and an error is logged', async () => {
  const { blockedKeys } = store.ports();
  const ids = Array.from({ length: 5_000 }, (_, n) => `m${n}`.padEnd(255, 'x') as MessageId);
  await blockedKeys.write('incomplete', 'key', { ids, firstSeenAtMs: 1 }, undefined);
  const { version } = (await blockedKeys.read('incomplete', ['key'])).get('key')!;
  const Key = { pk: { S: `!part#${version.id}#1` } };
  await store.client.send(new DeleteItemCommand({ TableName: `${store.prefix}inbox`, Key }));
  const error = jest.spyOn(log(), 'error').mockImplementation(() => {});
  expect((await blockedKeys.read('incomplete', ['key'])).get('key')).toEqual({ ids: [], firstSeenAtMs: 0, version });
  expect(error).toHaveBeenCalledWith(
    'the stored processing order of some messages was lost',
    expect.objectContaining({ item: '!blocked-key#incomplete#key' }),
  );
  error.mockRestore();
});

test.each(['no JSON', 'null', '{}', '[["key"]]', '[["key",[7]]]', '{"ids":[7],"firstSeenAtMs":1}', '{"ids":["a"]}'])(
  'if the DynamoDB item that lists the messages of an unfinished batch or of a blocked ordering key contains the invalid text %s, the list counts as empty, and an error is logged',
  async (text) => {
    const { blockedKeys, openBatches } = store.ports();
    const error = jest.spyOn(log(), 'error').mockImplementation(() => {});
    const shard = randomUUID();
    const items = [`!open-batch#${shard}`, `!blocked-key#${shard}#key`];
    for (const pk of items)
      await store.put('inbox', { pk: { S: pk }, version: { S: 'v' }, text: { S: text }, expiresAt: { N: '1' } });
    const version = { id: 'v', parts: 0 };
    expect(await openBatches.read(shard)).toEqual({ sequences: [], version });
    expect((await blockedKeys.read(shard, ['key'])).get('key')).toEqual({ ids: [], firstSeenAtMs: 0, version });
    expect(error.mock.calls.map(([title, fields]) => [title, (fields as unknown as { item: string }).item])).toEqual(
      items.map((item) => ['the stored processing order of some messages was lost', item]),
    );
    error.mockRestore();
  },
);

test('a blocked ordering key with 20,000 message ids of 255 bytes is stored in several items below the size limit of DynamoDB', async () => {
  const { blockedKeys } = store.ports();
  const ids = Array.from({ length: 20_000 }, (_, n) => `m${n}`.padEnd(255, 'x') as MessageId);
  expect(await blockedKeys.write('large', 'é'.repeat(128), { ids, firstSeenAtMs: Date.now() }, undefined)).toBe(true);
  const record = (await blockedKeys.read('large', ['é'.repeat(128), 'other'])).get('é'.repeat(128));
  expect(same(record?.ids, ids)).toBe(true);
  expect(await largestItem()).toBeLessThan(MAX_ITEM_BYTES);
  expect(
    await blockedKeys.write('large', 'é'.repeat(128), { ids: ids.slice(1), firstSeenAtMs: Date.now() }, undefined),
  ).toBe(false);
  expect(await blockedKeys.write('large', 'é'.repeat(128), { ids: [], firstSeenAtMs: Date.now() }, record)).toBe(true);
  expect((await blockedKeys.read('large', ['é'.repeat(128)])).size).toBe(0);
});

test('an empty string as ordering key can be blocked like any other key', async () => {
  const { blockedKeys } = store.ports();
  await blockedKeys.write('empty', '', { ids: ['a' as MessageId], firstSeenAtMs: Date.now() }, undefined);
  expect((await blockedKeys.read('empty', [''])).get('')?.ids).toEqual(['a']);
});

const commit = async (decision: Decision) => {
  const entry = { ...firstAttempt, id: randomUUID() as MessageId, payloadHash: 'hash', decision };
  const [result] = await store.inbox().commit('large', [entry], new AbortController().signal);
  return result;
};
const event = defineEvent({
  type: 'large',
  version: 1,
  exchange: 'library',
  schema: z.object({ text: z.string() }),
});

test.each<[title: string, decision: Decision, reason: string]>([
  [
    'a put of 400 KB',
    { effects: [tables.library.put({ loanId: 'o' }, { text: 'x'.repeat(410_000) })] },
    'would write 410130 bytes',
  ],
  [
    'events of 300 KB',
    { effects: [], events: [emit(event, { text: 'x'.repeat(310_000) })] },
    'the follow-up events have 310143 bytes',
  ],
  [
    'a reason of 400 KB',
    {
      effects: [tables.loans.add({ isbn: 'none' }, 'available', -1, { atLeast: 0 })],
      otherwise: reject('x'.repeat(400_000)),
    },
    'the reason has 400000 bytes',
  ],
  [
    'a key of 2,049 bytes',
    { effects: [tables.loans.add({ isbn: 'x'.repeat(2_049) }, 'available', 1)] },
    'the attribute isbn has 2049 bytes',
  ],
])(
  'committing a message with %s fails with INVALID_EFFECT and not with STORE_UNAVAILABLE',
  async (_, decision, reason) => {
    const result = await commit(decision);
    expect(result && { is: result.is, ...('error' in result && describeError(result.error)) }).toMatchObject({
      is: 'failed',
      code: 'INVALID_EFFECT',
      message: expect.stringContaining(reason),
    });
  },
);

test('follow-up events of 299,000 characters can be stored in the inbox marker of a message', async () => {
  const result = await commit({ effects: [], events: [emit(event, { text: 'x'.repeat(299_000) })] });
  expect(result?.is).toBe('completed');
});
