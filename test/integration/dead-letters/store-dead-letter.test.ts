import { randomBytes, randomUUID } from 'node:crypto';

import { DeleteItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { toDeadLetter } from '../../../lib/archive/dead-letter.ts';
import { fromParts } from '../../../lib/archive/message-parts.ts';
import { storeDeadLetter } from '../../../lib/archive/store-dead-letter.ts';
import type { Delivery } from '../../../lib/message/delivery.ts';
import { readDeadLetter } from '../../../lib/dead-letters/read.ts';
import { queues } from '../../support/example/topology.ts';
import { redriveMany } from '../../../lib/dead-letters/redrive-many.ts';
import { aDelivery } from '../../support/delivery.ts';
import { sendWritesTwice } from '../../support/store-faults.ts';
import { openStore, type TestStore } from '../../support/store.ts';

let store: TestStore;
beforeAll(async () => {
  store = await openStore();
});
afterAll(() => store.close());

const table = () => ({ client: store.client, tablePrefix: store.prefix, retentionDays: 90 });

const storeAs = (id: string, delivery: Delivery) => {
  const deadLetteredAt = new Date(store.clock.now()).toISOString();
  const origin = { id, queue: 'loans', code: 'RACE', reason: 'no answer', deadLetteredAt };
  return storeDeadLetter(toDeadLetter(delivery, origin, store.clock.now()), delivery, table());
};

/** Calls `run` once, after DynamoDB has executed the next `command` but before the caller receives the result. */
function afterNext(command: string, run: () => Promise<unknown>): void {
  const { client } = store;
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const result = await next(args);
        if (commandName === command) {
          client.middlewareStack.remove('after');
          await run();
        }
        return result;
      },
    { step: 'initialize', name: 'after' },
  );
}

const itemsOf = async (id: string) => (await store.all('dead-letters')).filter((item) => item['id']?.S === id);
const bodiesOf = async (hash: string) => {
  const records = (await store.all('dead-letters')).filter((item) => item['payloadHash']?.S === hash);
  return Promise.all(records.map(async (item) => (await readDeadLetter(table(), item['id']!.S!)).message.body));
};

test('if two processes store different messages with the same dead-letter id at the same time, the archive keeps both messages byte for byte', async () => {
  const id = randomUUID();
  const [first, second] = [aDelivery({ raw: randomBytes(800_000) }), aDelivery({ raw: randomBytes(400_000) })];
  let isFirstStored: boolean | undefined;
  afterNext('GetItemCommand', async () => {
    isFirstStored = await storeAs(id, first);
  });
  expect(await storeAs(id, second)).toBe(true);
  expect(isFirstStored).toBe(true);
  expect((await readDeadLetter(table(), id)).message.body.equals(first.body)).toBe(true);
  for (const { payloadHash, body } of [first, second]) expect(await bodiesOf(payloadHash)).toEqual([body]);
});

test('if two processes store copies of one message with different headers at the same time, the archive keeps the body and the headers of the copy that was stored first', async () => {
  const id = randomUUID();
  const raw = randomBytes(349_000);
  const first = aDelivery({ id, raw, headers: { kept: 'k'.repeat(20_000), first: true } });
  const second = aDelivery({ id, raw, headers: { other: true } });
  let isFirstStored: boolean | undefined;
  afterNext('GetItemCommand', async () => {
    isFirstStored = await storeAs(id, first);
  });
  expect(await storeAs(id, second)).toBe(false);
  expect(isFirstStored).toBe(true);
  const { message } = await readDeadLetter(table(), id);
  expect(message).toEqual({ body: first.body, properties: first.properties });
  expect(await bodiesOf(first.payloadHash)).toHaveLength(1);
});

test('if an earlier attempt stored only the DynamoDB items with the message of a dead letter, and not the item that describes the dead letter, the next attempt stores all of them', async () => {
  const id = randomUUID();
  const first = aDelivery({ id, raw: randomBytes(800_000), headers: { first: true } });
  await storeAs(id, first);
  await store.client.send(
    new DeleteItemCommand({ TableName: `${store.prefix}dead-letters`, Key: { id: { S: id }, part: { N: '0' } } }),
  );
  await expect(readDeadLetter(table(), id)).rejects.toMatchObject({ problem: 'not-found' });
  const again = { ...first, properties: { ...first.properties, headers: { second: true } } };
  expect(await storeAs(id, again)).toBe(true);
  expect((await readDeadLetter(table(), id)).message).toEqual({ body: again.body, properties: again.properties });
});

test('if the AWS SDK repeats the write of a dead letter after a lost reply, the dead letter is reported as newly stored', async () => {
  const id = randomUUID();
  const restore = sendWritesTwice(store.client);
  try {
    expect(await storeAs(id, aDelivery({ id }))).toBe(true);
  } finally {
    restore();
  }
  expect(await storeAs(id, aDelivery({ id }))).toBe(false);
});

test('a DynamoDB query for a dead letter still returns first the item that describes the dead letter, and then the parts of its message in order, as earlier releases require', async () => {
  const id = randomUUID();
  const delivery = aDelivery({ raw: randomBytes(800_000), headers: { note: 'é' } });
  await storeAs(id, delivery);
  const { Items: items = [] } = await store.client.send(
    new QueryCommand({
      TableName: `${store.prefix}dead-letters`,
      KeyConditionExpression: 'id = :id',
      ExpressionAttributeValues: { ':id': { S: id } },
    }),
  );
  const [record, ...parts] = items;
  expect(record).toMatchObject({ part: { N: '0' }, parts: { N: '3' } });
  const message = fromParts(
    parts.slice(0, Number(record?.['parts']?.N)).map(({ bytes }) => bytes!.B!),
    Number(record?.['bodyBytes']?.N),
  );
  expect(message).toEqual({ body: delivery.body, properties: delivery.properties });
});

test('the DynamoDB items that contain the message of a dead letter expire a day after the item that describes the dead letter', async () => {
  const id = randomUUID();
  await storeAs(id, aDelivery({ raw: randomBytes(800_000) }));
  const [record, ...parts] = (await itemsOf(id))
    .toSorted((one, other) => Number(one['part']?.N) - Number(other['part']?.N))
    .map(({ expiresAt }) => Number(expiresAt?.N));
  expect(parts).toEqual([record! + 86_400, record! + 86_400, record! + 86_400]);
});

test('if DynamoDB has deleted only a part of an expired dead letter, the dead letter counts as not found, and a bulk redrive skips it', async () => {
  const [expired, kept] = [randomUUID(), randomUUID()];
  const delivery = () => aDelivery({ headers: { 'surehop-published-at': new Date(store.clock.now()).toISOString() } });
  const other = { queue: 'loans', code: 'EXPIRED_PART', reason: 'no answer' };
  for (const id of [expired, kept]) {
    const deadLetteredAt = new Date(store.clock.now()).toISOString();
    const deadLetter = delivery();
    const origin = { ...other, id, deadLetteredAt };
    await storeDeadLetter(toDeadLetter(deadLetter, origin, store.clock.now()), deadLetter, table());
  }
  for (const { part } of await itemsOf(expired))
    if (part?.N !== '0')
      await store.client.send(
        new DeleteItemCommand({ TableName: `${store.prefix}dead-letters`, Key: { id: { S: expired }, part: part! } }),
      );
  await expect(readDeadLetter(table(), expired)).rejects.toMatchObject({ problem: 'not-found' });
  const redriving = {
    table: table(),
    queues: [queues.loans],
    publisher: () => ({
      publish: async () => {},
      publishAll: async (copies: readonly unknown[]) => copies.map(() => undefined),
      close: async () => {},
    }),
    clock: store.clock,
    inboxSettings: { INBOX_RETENTION_DAYS: 14, INBOX_COMPLETE_SINCE: undefined },
  };
  const options = { maximum: 10, force: false, remainingMs: () => 30_000 };
  expect(await redriveMany(redriving, { code: 'EXPIRED_PART' }, options)).toMatchObject({ redriven: 1, failed: [] });
  expect((await readDeadLetter(table(), kept)).deadLetter.status).toBe('redriven');
});
