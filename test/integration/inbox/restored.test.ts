import { randomUUID } from 'node:crypto';

import { DeleteItemCommand, DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { createConsumer } from '../../../lib/consumer/consumer.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { anEvent, aRecord, anInvocation } from '../../support/delivery.ts';
import { dependenciesAt } from '../../support/consumer-dependencies.ts';
import { scriptedConsumer } from '../../support/scripted-consumer.ts';
import { aConsumerSetup, type ConsumerSetup } from '../../support/consumer-setup.ts';

let setup: ConsumerSetup;
let store: DynamoDBClient;
let table: string;
beforeAll(async () => {
  setup = await aConsumerSetup();
  store = new DynamoDBClient({ endpoint: setup.endpoint });
  table = `${setup.tablePrefix}inbox`;
});
afterAll(async () => {
  store.destroy();
  await setup.remove();
});

const markers = async () => (await store.send(new ScanCommand({ TableName: table, ConsistentRead: true }))).Items ?? [];

/**
 * Restores the inbox markers from a backup as the runbook describes. Markers that were written after the backup are
 * lost.
 */
async function restore(backup: Awaited<ReturnType<typeof markers>>): Promise<void> {
  for (const { pk } of await markers()) await store.send(new DeleteItemCommand({ TableName: table, Key: { pk: pk! } }));
  for (const Item of backup) await store.send(new PutItemCommand({ TableName: table, Item }));
}

const minutesFromNow = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();

const aMessage = (isbn: string, publishedAt: string, headers: Record<string, string | number> = {}, behave = 'well') =>
  aRecord({
    type: 'test.scripted',
    body: { isbn, behave },
    redelivered: true,
    headers: { 'surehop-published-at': publishedAt, ...headers },
  });

test('after the inbox table was restored from a backup, a message whose inbox marker may be lost is dead-lettered, because an operator must decide whether to process the message', async () => {
  const isbn = randomUUID();
  const available = async () => (await setup.item('loans', { isbn }))?.['available'];
  const work = (records: ReturnType<typeof aMessage>[], settings: Record<string, string> = {}) =>
    createConsumer(scriptedConsumer, dependenciesAt(setup.endpoint, setup.tablePrefix, setup.publisher, settings))(
      anEvent(records),
      anInvocation(),
    );

  const [remembered, forgotten] = [aMessage(isbn, minutesFromNow(-9)), aMessage(isbn, minutesFromNow(-5))];
  await work([remembered]);
  const backup = await markers();
  await work([forgotten]);
  expect(await available()).toBe(2);
  await restore(backup);

  // Both messages are redelivered, because another message of their batch was unfinished when the event sources were stopped.
  const completeSince = minutesFromNow(-1);
  const fresh = aMessage(isbn, minutesFromNow(0));
  const { counts, notCompleted } = await work([remembered, forgotten, fresh], { INBOX_COMPLETE_SINCE: completeSince });
  expect(counts).toMatchObject({ duplicate: 1, 'dead-letter': 1, completed: 1 });
  expect(notCompleted).toMatchObject([{ id: forgotten.basicProperties.messageId, code: 'UNREMEMBERED' }]);
  expect(await available()).toBe(3);
  expect(await setup.host.drain('dead-letters')).toHaveLength(1);

  // A redrive before the restoration does not show that the message may run again. A redrive after it is the decision of an operator.
  const redriven = (at: string) => ({
    ...forgotten,
    basicProperties: aMessage(isbn, minutesFromNow(-5), { 'surehop-redrives': 1, 'surehop-redriven-at': at })
      .basicProperties,
  });
  const settings = { INBOX_COMPLETE_SINCE: completeSince };
  expect((await work([redriven(minutesFromNow(-2))], settings)).counts).toMatchObject({ 'dead-letter': 1 });
  expect((await work([redriven(minutesFromNow(0))], settings)).counts).toMatchObject({ completed: 1 });
  expect(await available()).toBe(4);
});

test('after a restore of the inbox table, a retried message whose inbox marker shows only a failed attempt is dead-lettered, because the message may have completed after the backup', async () => {
  const isbn = randomUUID();
  const failing = aMessage(isbn, minutesFromNow(-5), {}, 'transient');
  const { inbox } = setup.dependencies;
  await createConsumer(scriptedConsumer, setup.dependencies)(anEvent([failing]), anInvocation());
  expect((await inbox.find('loans', [failing.basicProperties.messageId as MessageId])).size).toBe(1);
  const retried = {
    ...failing,
    basicProperties: {
      ...aMessage(isbn, minutesFromNow(-5), { 'surehop-attempt': 2 }).basicProperties,
      messageId: failing.basicProperties.messageId,
    },
  };
  const dependencies = dependenciesAt(setup.endpoint, setup.tablePrefix, setup.publisher, {
    INBOX_COMPLETE_SINCE: minutesFromNow(-1),
  });
  const { notCompleted } = await createConsumer(scriptedConsumer, dependencies)(anEvent([retried]), anInvocation());
  expect(notCompleted).toMatchObject([{ outcome: 'dead-letter', code: 'UNREMEMBERED' }]);
  expect(await setup.item('loans', { isbn })).toBeUndefined();
});

test('after the inbox table was restored from a backup, a CloudEvent is dead-lettered only if its time is missing or before the restoration, because its inbox marker may then be lost', async () => {
  const isbn = randomUUID();
  const cloudEvent = (time: string | undefined) =>
    aRecord({
      id: null,
      timestamp: null,
      body: { isbn },
      headers: {
        cloudEvents_specversion: '1.0',
        cloudEvents_id: randomUUID(),
        cloudEvents_source: '/shop',
        cloudEvents_type: 'test.scripted',
        ...(time !== undefined && { cloudEvents_time: time }),
      },
    });
  const dependencies = dependenciesAt(setup.endpoint, setup.tablePrefix, setup.publisher, {
    INBOX_COMPLETE_SINCE: minutesFromNow(-1),
  });
  const records = [minutesFromNow(0), minutesFromNow(-2), undefined].map(cloudEvent);
  const { counts } = await createConsumer(scriptedConsumer, dependencies)(anEvent(records), anInvocation());
  expect(counts).toMatchObject({ completed: 1, 'dead-letter': 2 });
});
