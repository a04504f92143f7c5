import { randomUUID } from 'node:crypto';

import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Channel } from 'amqplib';
import * as z from 'zod';

import { archiveTable, type ArchiveTable } from '../../../lib/archive/record.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import type { RuleContext } from '../../../lib/message/rule.ts';
import { archiveBatch } from '../../../lib/dead-letters/archive.ts';
import { detailsOf } from '../../../lib/dead-letters/answers.ts';
import { createKnownValues } from '../../../lib/dead-letters/known-values.ts';
import { findByMessage } from '../../../lib/dead-letters/list.ts';
import { readDeadLetter } from '../../../lib/dead-letters/read.ts';
import { readForRedrive, redriveOne } from '../../../lib/dead-letters/redrive.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { emit, type Decision } from '../../../lib/inbox/decision.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { createSurehop, type Surehop } from '../../../lib/runtime/surehop.ts';
import { createTimelines, type Timelines } from '../../../lib/timeline/read-timeline.ts';
import { timelineSchema, type Timeline, type TimelineStep } from '../../../lib/timeline/schema.ts';
import { aConsumerSetup, quickTopology, type ConsumerSetup } from '../../support/consumer-setup.ts';
import { anEvent, anInvocation } from '../../support/delivery.ts';
import { eventually } from '../../support/eventually.ts';
import { tables } from '../../support/example/tables.ts';
import { exchanges, queues } from '../../support/example/topology.ts';
import { takeRecords } from '../../support/from-broker.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

let setup: ConsumerSetup;
let surehop: Surehop;
let timelines: Timelines;
let channel: Channel;
let table: ArchiveTable;

/** The number of the attempt at which the business rule for the queue `loans` succeeds. */
let succeedsAt = 1;

const loaned = defineEvent({
  type: 'loan.created',
  version: 1,
  exchange: exchanges.library,
  schema: z.object({ isbn: z.string() }),
});
const rejected = defineEvent({ ...loaned, type: 'loan.rejected' });

function decide({ isbn }: { readonly isbn: string }, { attempt }: RuleContext): Decision {
  if (attempt < succeedsAt) throw new Error(`the catalogue is unavailable at attempt ${attempt}`);
  return {
    effects: [tables.loans.add({ isbn }, 'available', 1), tables.notices.add({ customerId: isbn }, 'notices', 1)],
    events: [emit(rejected, { isbn })],
  };
}

const consumers = () => ({
  loans: createConsumer({ queue: queues.loans, event: loaned, decide }, setup.dependencies),
  notices: createConsumer(
    { queue: queues.notices, event: rejected, decide: () => ({ effects: [] }) },
    setup.dependencies,
  ),
});

beforeAll(async () => {
  setup = await aConsumerSetup({}, quickTopology);
  surehop = createSurehop({
    environment: { DYNAMODB_ENDPOINT: setup.endpoint, TABLE_PREFIX: setup.tablePrefix, LOG_LEVEL: 'ERROR' },
  });
  timelines = createTimelines(surehop, queues);
  channel = await setup.host.rawChannel();
  table = archiveTable(surehop);
});

afterAll(() => setup.remove());

/** Publishes an event of the type `loan.created`. Returns the message id. */
function publish(): string {
  const messageId = randomUUID();
  setup.host.channel.sendToQueue('loans', Buffer.from(JSON.stringify({ isbn: messageId })), {
    messageId,
    correlationId: 'request-17',
    type: 'loan.created',
    contentType: 'application/json',
    persistent: true,
    headers: {
      'surehop-published-at': new Date().toISOString(),
      traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01`,
    },
  });
  return messageId;
}

/** Waits for one message in a queue, and passes it to the queue's consumer. */
async function deliver(queue: 'loans' | 'notices'): Promise<void> {
  const records = await eventually(`a message in the queue ${queue}`, async () => {
    const taken = await takeRecords(channel, queue);
    return taken.length > 0 && taken;
  });
  expect(records).toHaveLength(1);
  await consumers()[queue](anEvent(records, queue), anInvocation());
}

async function archiveDeadLetter(): Promise<void> {
  const records = await eventually('a dead letter', async () => {
    const taken = await takeRecords(channel, 'dead-letters');
    return taken.length > 0 && taken;
  });
  const ofTopology = Object.values(queues);
  const knownValues = createKnownValues(table, ofTopology);
  await archiveBatch({ table, queues: ofTopology, knownValues, clock: systemClock }, anEvent(records, 'dead-letters'));
}

/** Reads a timeline, and checks it against the schema of the HTTP response. */
async function read(messageId: string): Promise<Timeline> {
  const { body } = (await timelines.get({ path: { id: messageId } })) as { body: Timeline };
  timelineSchema.parse(JSON.parse(JSON.stringify(body)));
  return body;
}

const outline = ({ steps }: Timeline) =>
  steps.map(({ step, queue, redrives, attempt }: TimelineStep) =>
    [step, queue, redrives, attempt].filter((part) => part !== undefined).join(' '),
  );

test('the timeline of a message contains the publication, each failed attempt with its delay and error, the completion, and the follow-up events', async () => {
  succeedsAt = 3;
  const messageId = publish();
  for (let attempt = 1; attempt <= 2; attempt += 1) await deliver('loans');
  const retrying = await read(messageId);
  expect(outline(retrying)).toEqual(['published', 'failed loans 0 1', 'failed loans 0 2']);
  expect(retrying.messages).toMatchObject([{ consumers: [{ queue: 'loans', state: 'retrying' }] }]);

  await deliver('loans');
  await deliver('notices');
  const timeline = await read(messageId);
  const [first, followUp, ...others] = timeline.messages;
  expect(others).toEqual([]);
  expect(first).toMatchObject({
    messageId,
    type: 'loan.created',
    correlationId: 'request-17',
    traceId: TRACE_ID,
    publishedAt: expect.any(String),
    consumers: [{ queue: 'loans', state: 'completed', durationMs: expect.any(Number) }],
  });
  expect(followUp).toMatchObject({
    type: 'loan.rejected',
    correlationId: 'request-17',
    traceId: TRACE_ID,
    followsFrom: { messageId, queue: 'loans' },
    consumers: [{ queue: 'notices', state: 'completed' }],
  });
  const own = timeline.steps.filter((step) => step.messageId === messageId);
  expect(outline({ ...timeline, steps: own })).toEqual([
    'published',
    'failed loans 0 1',
    'failed loans 0 2',
    'started loans 0 3',
    'completed loans 0 3',
  ]);
  expect(own[1]).toMatchObject({
    delaySeconds: 1,
    error: { code: 'UNKNOWN_ERROR', message: 'the catalogue is unavailable at attempt 1' },
  });
  expect(own[2]).toMatchObject({ delaySeconds: 2, error: { message: 'the catalogue is unavailable at attempt 2' } });
  expect(own.at(-1)).toMatchObject({
    effects: { loans: 1, notices: 1 },
    followUps: [{ messageId: followUp!.messageId, type: 'loan.rejected' }],
  });
  expect(timeline.steps.map(({ afterMs }) => afterMs)).toEqual(
    timeline.steps.map(({ afterMs }) => afterMs).toSorted((a, b) => a - b),
  );
  expect([timeline.steps[0]!.afterMs, timeline.isIncomplete]).toEqual([0, false]);
});

test('if the inbox marker of a follow-up event cannot be read, the timeline of the original message shows the reason and all other steps', async () => {
  succeedsAt = 1;
  const messageId = publish();
  await deliver('loans');
  await deliver('notices');
  const followUpId = (await read(messageId)).messages[1]!.messageId;
  const store = new DynamoDBClient({ endpoint: setup.endpoint });
  const Item = { pk: { S: `notices#${followUpId}` }, state: { S: 'done' } };
  await store.send(new PutItemCommand({ TableName: `${setup.tablePrefix}inbox`, Item }));
  store.destroy();
  const timeline = await read(messageId);
  expect(outline(timeline)).toEqual(['published', 'started loans 0 1', 'completed loans 0 1']);
  const [first, followUp] = timeline.messages;
  expect(first!.consumers).toMatchObject([{ queue: 'loans', state: 'completed' }]);
  const unreadable = {
    queue: 'notices',
    state: 'unreadable',
    markerError: {
      code: 'INVALID_ITEM',
      message: `the inbox marker notices#${followUpId} cannot be read: the state "done" is unknown`,
    },
  };
  expect(followUp!.consumers).toEqual([unreadable]);
  expect((await timelines.states(followUpId))!['notices']).toEqual(unreadable);
});

test('reading a timeline does not postpone the expiry of an inbox marker', async () => {
  const messageId = randomUUID();
  const store = new DynamoDBClient({ endpoint: setup.endpoint });
  const TableName = `${setup.tablePrefix}inbox`;
  const Item = { pk: { S: `loans#${messageId}` }, state: { S: 'completed' }, expiresAt: { N: '1' } };
  await store.send(new PutItemCommand({ TableName, Item }));
  expect((await timelines.states(messageId))!['loans']).toMatchObject({ state: 'completed' });
  const { Item: kept } = await store.send(new GetItemCommand({ TableName, Key: { pk: Item.pk } }));
  store.destroy();
  expect(kept).toEqual(Item);
});

test('the timeline of a dead-lettered message contains all attempts, the redrive with the operator and the reason, and the completion after the redrive', async () => {
  succeedsAt = 5;
  const messageId = publish();
  for (let attempt = 1; attempt <= 4; attempt += 1) await deliver('loans');
  const unarchived = await read(messageId);
  expect(outline(unarchived).at(-1)).toBe('dead-lettered loans 0 4');
  expect(unarchived.messages).toMatchObject([{ consumers: [{ state: 'dead-lettered' }] }]);

  await archiveDeadLetter();
  const [deadLetter] = await findByMessage(table, messageId);
  const failed = ['published', 'failed loans 0 1', 'failed loans 0 2', 'failed loans 0 3', 'dead-lettered loans 0 4'];
  const archived = await read(messageId);
  expect(outline(archived)).toEqual(failed);
  expect(archived.messages[0]!.consumers).toMatchObject([{ state: 'dead-lettered', deadLetterId: deadLetter!.id }]);

  const found = await readDeadLetter(table, deadLetter!.id);
  const { attempts } = detailsOf(found.deadLetter, found.message, { faults: [] }, undefined) as { attempts: object[] };
  expect(attempts).toMatchObject([
    { attempt: 1, delaySeconds: 1, error: { message: 'the catalogue is unavailable at attempt 1' } },
    { attempt: 2, delaySeconds: 2 },
    { attempt: 3, delaySeconds: 4 },
    { attempt: 4, error: { code: 'ATTEMPTS_EXHAUSTED' } },
  ]);
  expect(attempts.at(-1)).not.toHaveProperty('delaySeconds');

  const redriving = {
    table,
    queues: Object.values(queues),
    publisher: () => setup.publisher,
    clock: systemClock,
    inboxSettings: { INBOX_RETENTION_DAYS: 14, INBOX_COMPLETE_SINCE: undefined },
  };
  const item = await readForRedrive(redriving, deadLetter!.id, false);
  await redriveOne(redriving, item, { force: false, by: 'grace', reason: 'the catalogue is back' });
  expect((await read(messageId)).messages[0]!.consumers).toMatchObject([{ state: 'pending' }]);

  succeedsAt = 2;
  await deliver('loans');
  await deliver('loans');
  await deliver('notices');
  const completed = await read(messageId);
  const steps = completed.steps.filter((step) => step.messageId === messageId);
  expect(outline({ ...completed, steps })).toEqual([
    ...failed,
    'redriven loans 1',
    'failed loans 1 1',
    'started loans 1 2',
    'completed loans 1 2',
  ]);
  expect(steps[5]).toMatchObject({ by: 'grace', reason: 'the catalogue is back', deadLetterId: deadLetter!.id });
});

test('while a message that may have crashed the process is processed alone, its timeline contains the latest time at which this isolated attempt can end', async () => {
  const messageId = randomUUID() as MessageId;
  const endsByMs = Date.parse('2026-11-22T12:00:30.000Z');
  await setup.dependencies.attemptLog.begin('loans', [messageId], { kind: 'isolated', id: 'run-1', endsByMs });
  expect((await read(messageId)).messages[0]!.consumers).toEqual([
    { queue: 'loans', state: 'pending', isolatedRunsEndBy: ['2026-11-22T12:00:30.000Z'] },
  ]);
});

test('while a perform function runs for a message, the state of the message is "processing", and after the release of the lease the state is "pending"', async () => {
  const messageId = randomUUID() as MessageId;
  const lease = { id: messageId, payloadHash: 'x', redrives: 0, attempt: 1, owner: 'me' };
  await setup.dependencies.leases.take('loans', { ...lease, durationMs: 60_000 });
  expect((await read(messageId)).messages[0]!.consumers).toMatchObject([{ state: 'processing' }]);
  expect(outline(await read(messageId))).toEqual(['started loans']);
  await setup.dependencies.leases.release('loans', messageId, 'me');
  expect((await read(messageId)).messages[0]!.consumers).toMatchObject([{ state: 'pending' }]);
});

test('if no data about a message is stored, reading its timeline fails with the problem not-found', async () => {
  await expect(timelines.get({ path: { id: randomUUID() } })).rejects.toMatchObject({ problem: 'not-found' });
});
