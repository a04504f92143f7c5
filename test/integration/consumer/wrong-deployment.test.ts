import { randomUUID } from 'node:crypto';

import { CreateTableCommand, DeleteTableCommand, DynamoDBServiceException } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';

import { tables } from '../../support/example/tables.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import { type ConsumerDependencies, dynamoDbPorts } from '../../../lib/consumer/dependencies.ts';
import { BatchUnfinishedError } from '../../../lib/consumer/report.ts';
import { dynamoDbClient } from '../../../lib/dynamodb/client.ts';
import { openInboxTable } from '../../../lib/inbox/table.ts';
import type { Effect } from '../../../lib/dynamodb/effects.ts';
import type { Decision } from '../../../lib/inbox/decision.ts';
import type { CommitResult, Entry } from '../../../lib/inbox/inbox.ts';
import { readItemFrom } from '../../../lib/dynamodb/read-item.ts';
import { Table } from '../../../lib/dynamodb/tables.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { anEvent, aRecord, anInvocation, firstAttempt } from '../../support/delivery.ts';
import { fastRetries, openStore, type TestStore } from '../../support/store.ts';
import { faultsOf, type Faults } from '../../support/store-faults.ts';
import { scriptedConsumer } from '../../support/scripted-consumer.ts';
import { aConsumerSetup, type ConsumerSetup } from '../../support/consumer-setup.ts';

const QUEUE = 'loans';
const never = new AbortController().signal;
let store: TestStore;
let faults: Faults;
let written: string[];

const before = { ...process.env };

beforeAll(async () => {
  Object.assign(process.env, { POWERTOOLS_DEV: 'true', POWERTOOLS_METRICS_DISABLED: 'false' });
  store = await openStore();
});
beforeEach(() => {
  faults = faultsOf(store.client);
  written = [];
  for (const level of ['log', 'warn', 'error'] as const)
    jest.spyOn(console, level).mockImplementation((line: unknown) => void written.push(String(line)));
});
afterEach(() => {
  faults.remove();
  jest.restoreAllMocks();
});
afterAll(async () => {
  process.env = before;
  await store.close();
});

const misspelt = (name: string) => new Table({ name, key: { isbn: 'S' } });

const add = (table: string, isbn = randomUUID()): Effect => ({
  kind: 'add',
  table: misspelt(table),
  key: { isbn },
  attribute: 'available',
  by: 1,
});
const entry = (...effects: Effect[]): Entry => ({
  ...firstAttempt,
  id: randomUUID() as MessageId,
  payloadHash: 'hash',
  decision: { effects },
});
const commit = (entries: Entry[], inbox = store.inbox()) => inbox.commit(QUEUE, entries, never);
const outcomes = (results: CommitResult[]) => results.map(({ is }) => is);
const errorOf = (result: CommitResult | undefined) => (result as { error?: Error }).error;
const denied = (action: string, table: string) =>
  new DynamoDBServiceException({
    name: 'AccessDeniedException',
    message: `User: arn:aws:sts::1:assumed-role/r/r is not authorized to perform: dynamodb:${action} on resource: arn:aws:dynamodb:eu-central-1:1:table/${table} because no identity-based policy allows the dynamodb:${action} action`,
    $fault: 'client',
    $metadata: { httpStatusCode: 400 },
  });

describe('a table that a rule misspells', () => {
  test('if a business rule writes to a missing DynamoDB table, the message stays unfinished with an error that names the table', async () => {
    const entries = Array.from({ length: 40 }, (_, n) => entry(add(n % 10 === 3 ? 'shipmentz' : 'loans')));
    const results = await commit(entries);
    const back = results.flatMap(({ is }, n) => (is === 'unfinished' ? [n] : []));
    expect(back).toEqual([3, 13, 23, 33]);
    expect(outcomes(results).filter((is) => is === 'completed')).toHaveLength(36);
    expect(errorOf(results[3])).toMatchObject({
      code: 'TABLE_MISSING',
      message: `the table ${store.prefix}shipmentz does not exist`,
    });
  });

  test('a batch of 90 messages that write to a missing DynamoDB table needs at most eight requests to DynamoDB', async () => {
    await commit(Array.from({ length: 90 }, (_, n) => entry(add('shipmentz'), add(n % 2 ? 'loans' : 'notices'))));
    expect(faults.sent.length).toBeLessThanOrEqual(8);
  });

  test('if two batches write to the same missing DynamoDB table, the error is logged and counted only once', async () => {
    const name = `other-${randomUUID().slice(0, 8)}`;
    await commit([entry(add(name))]);
    await commit([entry(add(name))]);
    const reported = written.filter((line) => line.includes('deployment is wrong'));
    expect(reported.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: 'ERROR', reason: 'TABLE_MISSING', tables: [`${store.prefix}${name}`] }),
    ]);
    expect(written.filter((line) => line.includes('"DeploymentWrong":1'))).toHaveLength(1);
  });

  test('reading an item from a missing DynamoDB table fails with the code TABLE_MISSING and the name of the table', async () => {
    await expect(readItemFrom(store.client, store.prefix, misspelt('shipmentz'), { isbn: 'x' })).rejects.toMatchObject({
      code: 'TABLE_MISSING',
      message: `the table ${store.prefix}shipmentz does not exist`,
    });
  });
});

describe('a permission that the function lacks', () => {
  test('if the function lacks the permission to write to a DynamoDB table, only the messages that write to this table stay unfinished', async () => {
    faults.plan = ({ TransactItems = [] }) =>
      TransactItems.some(({ Update }) => Update?.TableName === `${store.prefix}notices`)
        ? { when: 'before', error: denied('UpdateItem', `${store.prefix}notices`) }
        : undefined;
    const results = await commit([entry(add('loans')), entry(add('notices')), entry(add('loans'))]);
    expect(outcomes(results)).toEqual(['completed', 'unfinished', 'completed']);
    expect(errorOf(results[1])).toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.stringContaining(`dynamodb:UpdateItem on the table ${store.prefix}notices: because no identity`),
    });
  });

  test('if the function lacks the permission to write to the inbox table, all messages stay unfinished after one request to DynamoDB', async () => {
    faults.plan = () => ({ when: 'before', error: denied('PutItem', `${store.prefix}inbox`) });
    const results = await commit(Array.from({ length: 500 }, () => entry(add('loans'))));
    expect(new Set(outcomes(results))).toEqual(new Set(['unfinished']));
    expect(errorOf(results[499])).toMatchObject({ code: 'ACCESS_DENIED' });
    expect(faults.sent).toHaveLength(1);
  });
});

test('if DynamoDB rejects the credentials, all messages of the batch stay unfinished with the code STORE_MISCONFIGURED', async () => {
  const error = Object.assign(new Error('The security token included in the request is invalid.'), {
    name: 'UnrecognizedClientException',
  });
  faults.plan = () => ({ when: 'before', error });
  const results = await commit(Array.from({ length: 300 }, () => entry(add('loans'))));
  expect(new Set(outcomes(results))).toEqual(new Set(['unfinished']));
  expect(errorOf(results[0])).toMatchObject({
    code: 'STORE_MISCONFIGURED',
    message: expect.stringContaining('UnrecognizedClientException'),
  });
  expect(faults.sent).toHaveLength(1);
});

describe('a missing or wrong inbox table', () => {
  const prefix = `wrong-${randomUUID().slice(0, 8)}-`;
  const client = dynamoDbClient({ endpoint: process.env.DYNAMODB_ENDPOINT, maxAttempts: 1 });
  const clock = { now: () => Date.now() };
  const options = { client, tablePrefix: prefix, clock, retentionDays: 1, retryPolicy: fastRetries };
  const { inbox, leases } = dynamoDbPorts(openInboxTable(options));
  const table = (name: string, key: string) =>
    client.send(
      new CreateTableCommand({
        TableName: prefix + name,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
        KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
      }),
    );
  afterAll(async () => {
    for (const name of ['loans', 'inbox']) await client.send(new DeleteTableCommand({ TableName: prefix + name }));
    client.destroy();
  });

  test('if the inbox table is missing, every message stays unfinished with an error that names the inbox table', async () => {
    await table('loans', 'isbn');
    const results = await commit([entry(add('loans')), entry(add('loans'))], inbox);
    expect(outcomes(results)).toEqual(['unfinished', 'unfinished']);
    expect(errorOf(results[0])).toMatchObject({ code: 'TABLE_MISSING', tables: [`${prefix}inbox`] });
    await expect(inbox.find(QUEUE, ['x' as MessageId])).rejects.toMatchObject({
      code: 'TABLE_MISSING',
      message: `the table ${prefix}inbox does not exist`,
    });
  });

  test('if the inbox table has a wrong primary key, every message stays unfinished with the code STORE_MISCONFIGURED', async () => {
    await table('inbox', 'id');
    const results = await commit(
      Array.from({ length: 20 }, () => entry(add('loans'))),
      inbox,
    );
    expect(new Set(outcomes(results))).toEqual(new Set(['unfinished']));
    expect(errorOf(results[7])).toMatchObject({
      code: 'STORE_MISCONFIGURED',
      message: expect.stringContaining(`${prefix}inbox`),
    });
    await expect(inbox.find(QUEUE, ['x' as MessageId])).rejects.toMatchObject({ code: 'STORE_MISCONFIGURED' });
    await expect(
      leases.take(QUEUE, {
        ...firstAttempt,
        id: 'x' as MessageId,
        payloadHash: 'hash',
        owner: 'me',
        durationMs: 1_000,
      }),
    ).rejects.toMatchObject({
      code: 'STORE_MISCONFIGURED',
    });
  });
});

describe('a consumer in a wrong deployment', () => {
  let setup: ConsumerSetup;
  beforeAll(async () => {
    setup = await aConsumerSetup();
  });
  afterAll(() => setup.remove());

  const run = (
    decide: (dependencies: ConsumerDependencies) => Promise<Decision> | Decision,
    dependencies = setup.dependencies,
  ) => {
    const handler = createConsumer(
      { queue: scriptedConsumer.queue, event: scriptedConsumer.event, decide: () => decide(dependencies) },
      dependencies,
    );
    return handler(anEvent([aRecord({ type: 'test.scripted', body: { isbn: 'x' } })]), anInvocation());
  };

  test.each([
    ['effects', () => ({ effects: [add('shipmentz')] })],
    [
      'reads',
      ({ read }: ConsumerDependencies) => read(misspelt('shipmentz'), { isbn: 'x' }).then(() => ({ effects: [] })),
    ],
  ])(
    'if the %s of a business rule name a missing table, the batch is redelivered without a retry copy or a dead letter',
    async (_, decide) => {
      const batch = run(decide);
      await expect(batch).rejects.toBeInstanceOf(BatchUnfinishedError);
      await expect(batch).rejects.toThrow(`TABLE_MISSING: the table ${setup.tablePrefix}shipmentz does not exist`);
      expect(await setup.host.drain('retry.1s')).toEqual([]);
      expect(await setup.host.drain('dead-letters')).toEqual([]);
    },
  );

  test.each([
    ['a key of the wrong name', { name: 'x' }],
    ['an empty key', { isbn: '' }],
  ])('a message fails and uses up an attempt if its business rule reads a DynamoDB item with %s', async (_, key) => {
    await run(({ read }) => read(tables.loans, key as { isbn: string }).then(() => ({ effects: [] }))).catch(
      () => undefined,
    );
    const copies = [...(await setup.host.drain('retry.1s')), ...(await setup.host.drain('dead-letters'))];
    expect(copies).toHaveLength(1);
  });
});
