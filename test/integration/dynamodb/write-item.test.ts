import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';

import type { Effect } from '../../../lib/dynamodb/effects.ts';
import { readItem } from '../../../lib/dynamodb/read-item.ts';
import { defineTable } from '../../../lib/dynamodb/tables.ts';
import { writeItem } from '../../../lib/dynamodb/write-item.ts';
import { createSurehop, type Surehop } from '../../../lib/runtime/surehop.ts';
import { tables } from '../../support/example/tables.ts';
import { cancelled, faultsOf, named, type Faults } from '../../support/store-faults.ts';
import { openStore, type TestStore } from '../../support/store.ts';

const { loans } = tables;
let store: TestStore;
let surehop: Surehop;
let faults: Faults;
let isbn: string;
beforeAll(async () => {
  store = await openStore();
});
afterAll(() => store.close());
beforeEach(() => {
  isbn = randomUUID();
  faults = faultsOf(store.client);
  surehop = createSurehop({
    environment: { TABLE_PREFIX: store.prefix, SERVICE_NAME: 'a-library' },
    clients: { dynamodb: store.client },
  });
});
afterEach(() => faults.remove());

const available = async () => (await readItem(surehop, loans, { isbn }))?.available;

test('writeItem carries out effects that create, change and delete an item', async () => {
  await writeItem(surehop, loans.put({ isbn }, { available: 2 }, { when: 'absent' }));
  await writeItem(surehop, loans.add({ isbn }, 'available', 5, { atLeast: 7 }));
  expect(await available()).toBe(7);
  await writeItem(surehop, loans.set({ isbn }, { available: 3 }));
  await writeItem(surehop, loans.check({ isbn }, { available: { equals: 3 } }));
  expect(await available()).toBe(3);
  await writeItem(surehop, loans.delete({ isbn }));
  expect(await available()).toBeUndefined();
});

test('if the condition of an effect does not hold, writeItem writes nothing and throws CONDITION_FAILED', async () => {
  await writeItem(surehop, loans.set({ isbn }, { available: 1 }));
  const effects: Effect[] = [
    loans.put({ isbn }, { available: 9 }, { when: 'absent' }),
    loans.add({ isbn }, 'available', -2, { atLeast: 0 }),
    loans.check({ isbn }, { available: { atLeast: 2 } }),
  ];
  for (const effect of effects)
    await expect(writeItem(surehop, effect)).rejects.toMatchObject({
      code: 'CONDITION_FAILED',
      message: `the condition of ${effect.kind} on the item {"isbn":"${isbn}"} of the table loans does not hold`,
    });
  expect(await available()).toBe(1);
});

test('if the AWS SDK sends an addition again because the reply was lost, the number is added once', async () => {
  let lost = 0;
  // DynamoDB carries out the write, its reply is lost, and the AWS SDK sends the same bytes again.
  store.client.middlewareStack.add(
    (next) => async (args) => {
      await next(args);
      lost += 1;
      return next(args);
    },
    { step: 'finalizeRequest', name: 'repeated', priority: 'low' },
  );
  try {
    await writeItem(surehop, loans.add({ isbn }, 'available', 5, { when: 'absent' }));
  } finally {
    store.client.middlewareStack.remove('repeated');
  }
  expect(lost).toBe(1);
  expect(await available()).toBe(5);
});

for (const code of ['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'])
  test(`writeItem sends a write again that DynamoDB cancels with the reason ${code}, and throws STORE_UNAVAILABLE after 5 attempts`, async () => {
    faults.plan = (input, at) => (at < 2 ? cancelled(code, [0], input) : undefined);
    await writeItem(surehop, loans.add({ isbn }, 'available', 5));
    expect(await available()).toBe(5);
    faults.plan = (input) => cancelled(code, [0], input);
    await expect(writeItem(surehop, loans.add({ isbn }, 'available', 5))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(faults.sent).toHaveLength(3 + 5);
  });

test('if DynamoDB refuses a write or does not answer, writeItem throws an error with the code of the cause, such as TABLE_MISSING', async () => {
  const absent = defineTable({ name: 'absent', key: { id: 'S' } });
  await expect(writeItem(surehop, absent.set({ id: 'a' }, { count: 1 }))).rejects.toMatchObject({
    code: 'TABLE_MISSING',
    message: expect.stringContaining(`${store.prefix}absent`),
  });
  await expect(writeItem(surehop, loans.set({ isbn: '' }, { available: 1 }))).rejects.toMatchObject({
    code: 'INVALID_EFFECT',
  });
  await store.put('loans', { isbn: { S: isbn }, available: { S: 'many' } });
  await expect(writeItem(surehop, loans.add({ isbn }, 'available', 1))).rejects.toMatchObject({
    code: 'INVALID_EFFECT',
    message: expect.stringContaining(`DynamoDB refuses add on the item {"isbn":"${isbn}"} of the table loans: `),
  });
  const codes = { ResourceNotFound: 'TABLE_MISSING', AccessDenied: 'ACCESS_DENIED' };
  for (const [reason, code] of Object.entries(codes)) {
    faults.plan = (input) => cancelled(reason, [0], input);
    await expect(writeItem(surehop, loans.set({ isbn }, { available: 1 }))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`${store.prefix}loans`),
    });
  }
  faults.plan = () => ({ when: 'before', error: named('TimeoutError') });
  await expect(writeItem(surehop, loans.set({ isbn }, { available: 1 }))).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
  });
});
