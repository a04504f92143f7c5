import { randomUUID } from 'node:crypto';

import { DeleteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { createConsumer } from '../../../lib/consumer/consumer.ts';
import type { RabbitMqRecord } from '../../../lib/message/delivery.ts';
import { aConsumerSetup, type ConsumerSetup } from '../../support/consumer-setup.ts';
import { anEvent, aRecord, anInvocation } from '../../support/delivery.ts';
import { scriptedConsumer } from '../../support/scripted-consumer.ts';
import { putMarker } from '../../support/unreadable-markers.ts';

let setup: ConsumerSetup;
beforeAll(async () => {
  setup = await aConsumerSetup();
});
afterAll(() => setup.remove());

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
const PUBLISHED = 'surehop-published-at';

const deliver = (record: RabbitMqRecord) =>
  createConsumer(scriptedConsumer, setup.dependencies)(anEvent([record]), anInvocation());
const applied = async (isbn: string) => (await setup.item('loans', { isbn }))?.['available'] ?? 0;

test('if the inbox marker of a completed message expires before the message is redelivered, the message becomes a dead letter and its business rule does not run again', async () => {
  const [id, isbn] = [randomUUID(), randomUUID()];
  const record = aRecord({ id, type: 'test.scripted', body: { isbn }, headers: { [PUBLISHED]: daysAgo(15) } });
  expect((await deliver(record)).counts).toMatchObject({ completed: 1 });
  const store = new DynamoDBClient({ endpoint: setup.endpoint });
  const Key = { pk: { S: `loans#${id}` } };
  await store.send(new DeleteItemCommand({ TableName: `${setup.tablePrefix}inbox`, Key }));
  store.destroy();
  const { notCompleted } = await deliver({ ...record, redelivered: true });
  expect(notCompleted).toMatchObject([{ id, outcome: 'dead-letter', code: 'UNREMEMBERED' }]);
  expect(await applied(isbn)).toBe(1);
  expect(await setup.host.drain('dead-letters')).toHaveLength(1);
});

test('a redelivered message with an unreadable inbox marker is retried, even if the message is older than the retention of inbox markers', async () => {
  const isbn = randomUUID();
  const headers = { [PUBLISHED]: daysAgo(15) };
  const record = aRecord({ type: 'test.scripted', body: { isbn }, headers, redelivered: true });
  await putMarker(setup, 'loans', record, { state: { S: 'done' } });
  expect((await deliver(record)).notCompleted).toMatchObject([{ outcome: 'retry', code: 'INVALID_ITEM' }]);
  expect(await applied(isbn)).toBe(0);
});

describe('a message without an inbox marker', () => {
  type About = Pick<NonNullable<Parameters<typeof aRecord>[0]>, 'headers' | 'redelivered'>;
  const old = { [PUBLISHED]: daysAgo(15) };
  const deadLettered: readonly [situation: string, about: About][] = [
    ['is redelivered', { headers: old, redelivered: true }],
    ['is a retry copy', { headers: { ...old, 'surehop-attempt': 2 } }],
    ['is the copy of a postponed message', { headers: { ...old, 'surehop-postponed': true } }],
    [
      'is redelivered, and was redriven before the retention began',
      { headers: { ...old, 'surehop-redrives': 1, 'surehop-redriven-at': daysAgo(14.5) }, redelivered: true },
    ],
  ];
  test.each(deadLettered)(
    'a message that has no inbox marker and is older than the retention of inbox markers is dead-lettered if the message %s',
    async (_, about) => {
      const isbn = randomUUID();
      const { notCompleted } = await deliver(aRecord({ type: 'test.scripted', body: { isbn }, ...about }));
      expect(notCompleted).toMatchObject([{ outcome: 'dead-letter', code: 'UNREMEMBERED' }]);
      expect(await applied(isbn)).toBe(0);
    },
  );

  const processed: readonly [situation: string, about: About][] = [
    ['is delivered for the first time', { headers: old }],
    [
      'was published within the retention and is redelivered',
      { headers: { [PUBLISHED]: daysAgo(13) }, redelivered: true },
    ],
    ['has no publish time and is redelivered', { redelivered: true }],
    [
      'was redriven within the retention and is redelivered',
      { headers: { ...old, 'surehop-redrives': 1, 'surehop-redriven-at': daysAgo(1) }, redelivered: true },
    ],
    [
      'was redriven before the retention began, and is delivered for the first time since then',
      { headers: { ...old, 'surehop-redrives': 1, 'surehop-redriven-at': daysAgo(14.5) } },
    ],
  ];
  test.each(processed)('a message without an inbox marker is processed if it %s', async (_, about) => {
    const isbn = randomUUID();
    const { counts } = await deliver(aRecord({ type: 'test.scripted', body: { isbn }, ...about }));
    expect(counts).toMatchObject({ completed: 1 });
    expect(await applied(isbn)).toBe(1);
  });

  test('a retry copy of a message with an inbox marker is processed, even if the message is older than the retention of inbox markers', async () => {
    const id = randomUUID();
    const body = { isbn: randomUUID(), behave: 'transient' };
    const failing = aRecord({ id, type: 'test.scripted', body, headers: old });
    expect((await deliver(failing)).counts).toMatchObject({ retry: 1 });
    const { counts } = await deliver(
      aRecord({ id, type: 'test.scripted', body, headers: { ...old, 'surehop-attempt': 2 } }),
    );
    expect(counts).toMatchObject({ retry: 1 });
  });
});
