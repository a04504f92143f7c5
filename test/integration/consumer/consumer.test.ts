import { randomUUID } from 'node:crypto';

import { DeleteItemCommand, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import * as z from 'zod';

import { createConsumer } from '../../../lib/consumer/consumer.ts';
import type { ConsumerDependencies } from '../../../lib/consumer/dependencies.ts';
import type { RuleContext } from '../../../lib/message/rule.ts';
import { defineEvent, type Payload } from '../../../lib/events/define.ts';
import type { Message } from '../../../lib/events/message.ts';
import type { RabbitMqRecord } from '../../../lib/message/delivery.ts';
import { dynamoDbClient } from '../../../lib/dynamodb/client.ts';
import { emit } from '../../../lib/inbox/decision.ts';
import { BatchUnfinishedError, type BatchReport } from '../../../lib/consumer/report.ts';
import { log } from '../../../lib/runtime/log.ts';
import { PublishError } from '../../../lib/runtime/errors.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';
import { anEvent, aRecord, anInvocation } from '../../support/delivery.ts';
import { eventually } from '../../support/eventually.ts';
import { dependenciesAt } from '../../support/consumer-dependencies.ts';
import { tables } from '../../support/example/tables.ts';
import { scriptedConsumer, scriptedEvent } from '../../support/scripted-consumer.ts';
import { putMarker, unreadableMarkers } from '../../support/unreadable-markers.ts';
import { aConsumerSetup, type ConsumerSetup } from '../../support/consumer-setup.ts';

let setup: ConsumerSetup;
let bare: VirtualHost;
beforeAll(async () => {
  [setup, bare] = await Promise.all([aConsumerSetup(), aVirtualHost()]);
});
afterAll(() => Promise.all([setup.remove(), bare.remove()]));

let isbn: string;
beforeEach(() => {
  isbn = randomUUID();
});

const type = 'test.scripted';
const message = (behave?: string, about: object = {}) => aRecord({ type, body: { isbn, behave }, ...about });
const run = (
  records: readonly RabbitMqRecord[],
  dependencies: ConsumerDependencies = setup.dependencies,
  invocation = anInvocation(),
): Promise<BatchReport> => createConsumer(scriptedConsumer, dependencies)(anEvent(records), invocation);
/**
 * Creates the Lambda context of an invocation with so little time left that the consumer runs no business rule but can
 * still settle messages.
 */
const almostOver = () => {
  const leftMs = [60_000, 60_000];
  return { getRemainingTimeInMillis: () => leftMs.shift() ?? 15_100 };
};
const applied = async () => (await setup.item('loans', { isbn }))?.available ?? 0;
const placed = async (queue: string) =>
  (await setup.host.drain(queue)).map(
    (found) => found && { id: found.properties.messageId, ...found.properties.headers },
  );

/**
 * Waits until `count` retry copies were found in the delay queue or the work queue. Searches both queues repeatedly,
 * because one search can miss a copy that RabbitMQ is moving between them.
 */
async function retried(count: number): Promise<number> {
  let found = 0;
  await eventually(`${count} retry copies`, async () => {
    found += (await placed('retry.1s')).length + (await placed('loans')).length;
    return found >= count;
  });
  return found;
}

interface Row {
  readonly title: string;
  readonly records: () => RabbitMqRecord[] | Promise<RabbitMqRecord[]>;
  readonly counts: Partial<BatchReport['counts']>;
  /** The queue to which the consumer must publish a retry copy or a dead letter of the tested message. */
  readonly in?: string;
  readonly code?: string;
  /**
   * The number of messages whose effects the consumer must apply. It includes the valid message that the test adds to
   * each batch.
   */
  readonly applied: number;
  readonly invocation?: () => ReturnType<typeof anInvocation>;
  readonly dependencies?: () => ConsumerDependencies;
  readonly willBeRedelivered?: boolean;
}

const twoCopies = () => {
  const record = message();
  return [record, { ...record, redelivered: true }];
};

const doneBefore = async (about: object = {}) => {
  const id = randomUUID();
  await run([message('well', { id })]);
  return [message('well', { id, redelivered: true, ...about })];
};

/** Creates a redelivered message, and stores an inbox marker with the given attributes for this message. */
async function withMarker(attributes: Parameters<typeof putMarker>[3], about: object = {}): Promise<RabbitMqRecord[]> {
  const record = message('well', { redelivered: true, ...about });
  await putMarker(setup, 'loans', record, attributes);
  return [record];
}

const withoutStore = () => dependenciesAt('http://127.0.0.1:1', setup.tablePrefix, setup.publisher);

/**
 * Creates the dependencies of a consumer whose publisher uses a virtual host without queues, where every message is
 * unroutable.
 */
const withoutQueues = (): ConsumerDependencies => ({ ...setup.dependencies, publisher: bare.publisher() });

const table: Row[] = [
  { title: 'a consumer completes a valid message', records: () => [message()], counts: { completed: 2 }, applied: 2 },
  {
    title: 'a second copy of a message in the same batch is a duplicate',
    records: twoCopies,
    counts: { completed: 2, duplicate: 1 },
    applied: 2,
  },
  {
    title: 'a redelivered message that was completed before is a duplicate',
    records: () => doneBefore(),
    counts: { completed: 1, duplicate: 1 },
    applied: 2,
  },
  {
    title: 'a message is rejected if the condition of its rule fails',
    records: () => [message('reject')],
    counts: { completed: 1, rejected: 1 },
    applied: 1,
  },
  {
    title: 'a message with a byte-order mark before its JSON is completed',
    records: () => {
      const record = message();
      return [
        {
          ...record,
          data: Buffer.concat([Buffer.from('\ufeff'), Buffer.from(record.data, 'base64')]).toString('base64'),
        },
      ];
    },
    counts: { completed: 2 },
    applied: 2,
  },
  {
    title: 'a message with invalid JSON is dead-lettered as MALFORMED',
    records: () => [message('well', { raw: Buffer.from('{"isbn":') })],
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'MALFORMED',
    applied: 1,
  },
  {
    title: 'a message whose body is not UTF-8 is dead-lettered as MALFORMED',
    records: () => [message('well', { raw: Buffer.from([0x22, 0xff, 0x22]) })],
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'MALFORMED',
    applied: 1,
  },
  {
    title: 'a message without a message id is dead-lettered as MISSING_MESSAGE_ID',
    records: () => [message('well', { id: null })],
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'MISSING_MESSAGE_ID',
    applied: 1,
  },
  {
    title: 'a message that fails its schema is dead-lettered as SCHEMA_MISMATCH',
    records: () => [message('badly')],
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'SCHEMA_MISMATCH',
    applied: 1,
  },
  {
    title: 'a message of a type without a rule is dead-lettered as UNKNOWN_TYPE',
    records: () => [message('well', { type: 'test.untold' })],
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'UNKNOWN_TYPE',
    applied: 1,
  },
  {
    title: 'a message of an unknown schema version is dead-lettered as SCHEMA_MISMATCH',
    records: () => [message('well', { headers: { 'surehop-schema-version': 9 } })],
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'SCHEMA_MISMATCH',
    applied: 1,
  },
  {
    title: 'a message with the id of a completed message and another body is dead-lettered as PAYLOAD_MISMATCH',
    records: () => doneBefore({ body: { isbn, behave: 'well', other: true } }),
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'PAYLOAD_MISMATCH',
    applied: 2,
  },
  {
    title: 'a message whose rule throws a PermanentError is dead-lettered with the code of that error',
    records: () => [message('permanent')],
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'NEVER',
    applied: 1,
  },
  {
    title: 'a message whose rule throws a RetryAfterError is retried after the delay in that error',
    records: () => [message('retry-after')],
    counts: { completed: 1, retry: 1 },
    in: 'retry.4s',
    applied: 1,
  },
  {
    title: 'a message whose rule throws an error is retried after the first delay',
    records: () => [message('transient')],
    counts: { completed: 1, retry: 1 },
    in: 'retry.1s',
    applied: 1,
  },
  {
    title: 'a message that fails at its third attempt is retried after the third delay',
    records: () => [message('transient', { headers: { 'surehop-attempt': 3 } })],
    counts: { completed: 1, retry: 1 },
    in: 'retry.4s',
    applied: 1,
  },
  {
    title:
      'a message is retried if a condition of its effects fails and its business rule returned no alternative effects ("otherwise")',
    records: () => [message('conflict')],
    counts: { completed: 1, retry: 1 },
    in: 'retry.1s',
    applied: 1,
  },
  {
    title: 'a message that fails at its last attempt is dead-lettered as ATTEMPTS_EXHAUSTED',
    records: () => [message('transient', { headers: { 'surehop-attempt': 4 } })],
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'ATTEMPTS_EXHAUSTED',
    applied: 1,
  },
  ...unreadableMarkers.flatMap(([reason, attributes]): Row[] => [
    {
      title: `a message whose inbox marker ${reason} is retried, and the other messages of its batch complete`,
      records: () => withMarker(attributes),
      counts: { completed: 1, retry: 1 },
      in: 'retry.1s',
      applied: 1,
    },
    {
      title: `a message whose inbox marker ${reason} is dead-lettered after its last attempt`,
      records: () => withMarker(attributes, { headers: { 'surehop-attempt': 4 } }),
      counts: { completed: 1, 'dead-letter': 1 },
      in: 'dead-letters',
      code: 'ATTEMPTS_EXHAUSTED',
      applied: 1,
    },
  ]),
  {
    title: 'a message whose rule exceeds the time limit is retried',
    records: () => [message('hang')],
    counts: { completed: 1, retry: 1 },
    in: 'retry.1s',
    applied: 1,
  },
  {
    title: 'a message whose rule still runs when the invocation runs out of time is redelivered with its batch',
    records: () => [message('hang')],
    counts: { completed: 1, unfinished: 1 },
    invocation: almostOver,
    applied: 1,
    willBeRedelivered: true,
  },
  {
    title: 'all messages of a batch are redelivered while DynamoDB is unavailable',
    records: () => [message()],
    counts: { unfinished: 2 },
    dependencies: withoutStore,
    applied: 0,
    willBeRedelivered: true,
  },
  {
    title: 'a message is redelivered with its batch if the broker cannot route its dead letter',
    records: () => [message('permanent')],
    counts: { completed: 1, unfinished: 1 },
    dependencies: withoutQueues,
    applied: 1,
    willBeRedelivered: true,
  },
];

for (const row of table)
  test(row.title, async () => {
    const records = await row.records();
    const batch = run([...records, message()], row.dependencies?.(), row.invocation?.());
    const report = await batch.catch((error: unknown) => {
      if (error instanceof BatchUnfinishedError) return error.report;
      throw error;
    });
    if (row.willBeRedelivered) await expect(batch).rejects.toBeInstanceOf(BatchUnfinishedError);
    else await expect(batch).resolves.toBe(report);
    const none = {
      completed: 0,
      rejected: 0,
      duplicate: 0,
      retry: 0,
      postponed: 0,
      'dead-letter': 0,
      unfinished: 0,
    };
    expect(report.counts).toEqual({ ...none, ...row.counts });
    expect(await applied()).toBe(row.applied);

    const copies = {
      'dead-letters': await placed('dead-letters'),
      'retry.1s': await placed('retry.1s'),
      'retry.4s': await placed('retry.4s'),
    };
    for (const [queue, found] of Object.entries(copies)) expect(found).toHaveLength(queue === row.in ? 1 : 0);
    if (row.code)
      expect(copies['dead-letters'][0]).toMatchObject({
        'surehop-dead-letter-code': row.code,
        'surehop-dead-letter-queue': 'loans',
      });
    await placed('loans');
    await placed('notices');
  });

test('if one message of a batch always fails, the other 99 messages complete exactly once although the batch is redelivered', async () => {
  const poison = message('permanent');
  const records = [...Array.from({ length: 99 }, () => message()), poison];
  const first = await run(records);
  expect(first.counts).toMatchObject({ completed: 99, 'dead-letter': 1 });
  const again = await run(records.map((record) => ({ ...record, redelivered: true })));
  expect(again.counts).toMatchObject({ duplicate: 100 });
  expect(await applied()).toBe(99);
  expect(await placed('dead-letters')).toHaveLength(1);
});

test.each(['permanent', 'transient'])(
  'a dead letter contains the stack frames of the failed business rule, but no frames of the toolkit (%s error)',
  async (behave) => {
    await run([message(behave, { headers: { 'surehop-attempt': 4 } })]);
    const [letter] = await placed('dead-letters');
    const frames = String((letter as Record<string, unknown>)['surehop-dead-letter-frames']).split('\n');
    expect(frames[0]).toMatch(/^decide \(test\/support\/scripted-consumer\.ts:\d+:\d+\)$/);
    expect(frames.filter((frame) => frame.includes('lib/'))).toEqual([]);
  },
);

test.each<[string, () => unknown]>([
  ['undefined', () => undefined],
  ['an object without a message', () => Object.create(null)],
  [
    'an error whose message is not a string',
    () => Object.assign(new Error('x'), { message: { deep: true }, stack: 7 }),
  ],
  ['an error whose code is not a string', () => Object.assign(new Error('x'), { code: 42 })],
])('if a business rule throws %s for one message, only this message is retried', async (_, thrown) => {
  const definition = {
    ...scriptedConsumer,
    decide: (
      event: Parameters<typeof scriptedConsumer.decide>[0],
      context: Parameters<typeof scriptedConsumer.decide>[1],
    ) => {
      // oxlint-disable-next-line no-throw-literal
      if (event.number === 1) throw thrown();
      return scriptedConsumer.decide(event, context);
    },
  };
  const records = [message(), aRecord({ type, body: { isbn, number: 1 } })];
  const report = await createConsumer(definition, setup.dependencies)(anEvent(records), anInvocation());
  expect(report.counts).toMatchObject({ completed: 1, retry: 1 });
  expect(await retried(1)).toBe(1);
});

test('if 60 messages of a batch fail with the same error, the stack trace of the error is logged only once', async () => {
  const written: Record<string, unknown>[] = [];
  const warn = jest.spyOn(log(), 'warn').mockImplementation((...[line, details]) => {
    written.push({ line, ...(details as object) });
  });
  await run([...Array.from({ length: 60 }, () => message('transient')), message('permanent')]);
  warn.mockRestore();
  const failed = written.filter(({ line }) => line === 'rule failed');
  expect(failed).toMatchObject([
    { reason: 'UNKNOWN_ERROR', failed: 60, error: { name: 'Error', message: 'not this time' } },
    { reason: 'NEVER', failed: 1, error: { message: 'this will never do' } },
  ]);
  expect(failed[0]!.messageIds).toHaveLength(20);
  expect((failed[0]!.error as Error).stack).toContain('test/support/scripted-consumer.ts');
  expect(await retried(60)).toBe(60);
  await placed('dead-letters');
});

test('the report of a batch contains the error code and the dead-letter queue of each dead-lettered message', async () => {
  const id = randomUUID();
  const { notCompleted } = await run([message('permanent', { id }), message()]);
  expect(notCompleted).toEqual([
    { id, outcome: 'dead-letter', code: 'NEVER', message: 'this will never do', destination: 'dead-letters' },
  ]);
  await placed('dead-letters');
});

test('a follow-up event is published only once, even if the batch that caused the event is redelivered to the same process', async () => {
  const record = { ...message('reject'), redelivered: true };
  const handler = createConsumer(scriptedConsumer, setup.dependencies);
  for (let time = 0; time < 3; time += 1) await handler(anEvent([record]), anInvocation());
  expect(await placed('notices')).toHaveLength(1);
});

test('if a batch is redelivered to the process that completed the batch, the process sends no request to DynamoDB', async () => {
  const unavailable = withoutStore();
  const isDone = { now: false };
  const inbox = new Proxy(setup.dependencies.inbox, {
    get: (real, name: keyof ConsumerDependencies['inbox']) => (isDone.now ? unavailable.inbox : real)[name],
  });
  const handler = createConsumer(scriptedConsumer, { ...setup.dependencies, inbox });
  const records = [message(), message('reject')];
  await handler(anEvent(records), anInvocation());
  isDone.now = true;
  const again = records.map((record) => ({ ...record, redelivered: true }));
  expect((await handler(anEvent(again), anInvocation())).counts).toMatchObject({ duplicate: 2 });
  isDone.now = false;
  const id = String(records[0]!.basicProperties.messageId);
  const other = message('permanent', { id, redelivered: true });
  expect((await handler(anEvent([other]), anInvocation())).notCompleted).toMatchObject([{ code: 'PAYLOAD_MISMATCH' }]);
  await placed('notices');
  await placed('dead-letters');
});

test('the body of a message that the process has already completed is not validated again when the message is redelivered', async () => {
  let validations = 0;
  const schema = scriptedEvent.schema.refine(() => (validations += 1));
  const handler = createConsumer({ ...scriptedConsumer, event: { ...scriptedEvent, schema } }, setup.dependencies);
  const record = message();
  await handler(anEvent([record]), anInvocation());
  expect((await handler(anEvent([{ ...record, redelivered: true }]), anInvocation())).counts.duplicate).toBe(1);
  expect(validations).toBe(1);
});

test('the follow-up event of a rejected message is not published again when the message is redelivered', async () => {
  const record = { ...message('reject'), redelivered: true };
  await run([record]);
  expect(await placed('notices')).toHaveLength(1);
  expect((await run([record, record])).counts).toMatchObject({ duplicate: 2 });
  expect(await placed('notices')).toHaveLength(1);
});

test('a redelivered message with invalid JSON is not dead-lettered a second time', async () => {
  const record = { ...message('well', { raw: Buffer.from('{"isbn":') }), redelivered: true };
  await run([record]);
  expect((await run([record])).counts).toMatchObject({ duplicate: 1 });
  expect(await placed('dead-letters')).toHaveLength(1);
});

test("if a batch's retry copy was published but its dead letter was not, a redelivery of the batch publishes only the dead letter", async () => {
  const records = [message('transient'), message('permanent')];
  await setup.host.channel.unbindQueue('dead-letters', 'dead-letters', '');
  await expect(run(records)).rejects.toBeInstanceOf(BatchUnfinishedError);
  await setup.host.channel.bindQueue('dead-letters', 'dead-letters', '');
  const report = await run(records.map((record) => ({ ...record, redelivered: true })));
  expect(report.counts).toMatchObject({ duplicate: 1, 'dead-letter': 1 });
  expect(await placed('dead-letters')).toHaveLength(1);
  expect(await retried(1)).toBe(1);
});

test('a message with an unreadable inbox marker gets the same dead-letter id when its batch is redelivered and the message is dead-lettered again', async () => {
  const records = await withMarker({ state: { S: 'done' } }, { headers: { 'surehop-attempt': 4 } });
  await run(records);
  await run(records);
  const [first, second] = await placed('dead-letters');
  expect(first).toMatchObject({ 'surehop-dead-letter-id': expect.any(String) });
  expect(second).toMatchObject({ 'surehop-dead-letter-id': (first as any)['surehop-dead-letter-id'] });
});

test('if a dead letter cannot be recorded because the message already has an inbox marker, but this marker is deleted before the inbox reads it, the batch is redelivered and no dead letter is published', async () => {
  const record = message('permanent');
  const claimDeadLetters = () => Promise.resolve([{ is: 'gone' as const }]);
  const batch = run([record], { ...setup.dependencies, inbox: { ...setup.dependencies.inbox, claimDeadLetters } });
  await expect(batch).rejects.toMatchObject({
    report: { notCompleted: [{ outcome: 'unfinished', code: 'CONFLICT' }] },
  });
  expect(await placed('dead-letters')).toEqual([]);
  expect((await run([{ ...record, redelivered: true }])).counts).toMatchObject({ 'dead-letter': 1 });
  expect(await placed('dead-letters')).toHaveLength(1);
});

test('if a batch contains a redelivered message and the retry copy of the same message, only the retry copy is processed', async () => {
  const original = message('transient');
  await run([original]);
  const id = String(original.basicProperties.messageId);
  const copy = message('transient', { id, headers: { 'surehop-attempt': 2 } });
  const report = await run([{ ...original, redelivered: true }, copy, message()]);
  expect(report.counts).toMatchObject({ completed: 1, duplicate: 1, retry: 1 });
  expect(await placed('retry.2s')).toHaveLength(1);
  await placed('retry.1s');
  await placed('loans');
});

test('if the headers of a failed message are too large for a dead letter, the largest header is omitted, and the dead letter contains the name of this header', async () => {
  const large = 'x'.repeat(130_800);
  const report = await run([message('permanent', { headers: { large, tenant: 'blue' } }), message()]);
  expect(report.counts).toMatchObject({ completed: 1, 'dead-letter': 1 });
  expect(await placed('dead-letters')).toEqual([
    expect.objectContaining({
      tenant: 'blue',
      'surehop-left-out':
        'header "large" (too large: all properties of a message together must fit into one AMQP frame (at most 131072 bytes))',
      'surehop-dead-letter-code': 'NEVER',
    }),
  ]);
});

test('every malformed entry of a Lambda event is dead-lettered, and the valid messages of the event complete', async () => {
  const record = message();
  const odd = [
    null,
    'a record',
    { data: record.data },
    { ...message(), data: 'no base64!' },
    { ...record, basicProperties: { ...record.basicProperties, messageId: { toString: 'x' } } },
    { ...record, basicProperties: { ...record.basicProperties, messageId: 'm'.repeat(3_000) } },
    { ...record, basicProperties: { ...record.basicProperties, messageId: randomUUID(), type: 7, timestamp: [] } },
  ];
  const report = await run([...odd, message()] as RabbitMqRecord[]);
  expect(report.counts).toMatchObject({ completed: 1, 'dead-letter': odd.length });
  expect(await placed('dead-letters')).toHaveLength(odd.length);
});

test('if the schema of an event throws an error for a message, only this message is dead-lettered', async () => {
  const schema = scriptedConsumer.event.schema.refine(({ behave }) => {
    if (behave === 'permanent') throw Object.assign(Object.create(null), { toString: undefined });
    return true;
  });
  const definition = { ...scriptedConsumer, event: { ...scriptedConsumer.event, schema } };
  const report = await createConsumer(definition, setup.dependencies)(
    anEvent([message('permanent'), message()]),
    anInvocation(),
  );
  expect(report.counts).toMatchObject({ completed: 1, 'dead-letter': 1 });
  expect(await placed('dead-letters')).toMatchObject([{ 'surehop-dead-letter-code': 'SCHEMA_MISMATCH' }]);
});

test('if a copy of a failed message cannot contain all headers and properties, the message is dead-lettered instead of retried', async () => {
  const long = 'é'.repeat(128);
  const record = message('transient');
  const headers = { ...(record.basicProperties.headers as object), [long]: 1 };
  const odd = {
    ...record,
    basicProperties: { ...record.basicProperties, headers, timestamp: 'Jan 1, 1200, 12:00:00 AM' },
  };
  expect((await run([odd, message()])).counts).toMatchObject({ completed: 1, 'dead-letter': 1, retry: 0 });
  expect(await placed('dead-letters')).toMatchObject([
    {
      'surehop-dead-letter-code': 'UNWRITABLE',
      'surehop-dead-letter-reason': expect.stringContaining('not this time'),
      'surehop-left-out': expect.stringMatching(
        /^header "é+" \(the name "é+" in the headers has 256 bytes.*\), timestamp \(/,
      ),
    },
  ]);
});

test('if a copy of a failed message is too large for the broker, the consumer archives the message in DynamoDB with its whole body', async () => {
  const archived: { code: string; queue?: string; body: Buffer }[] = [];
  const tooLarge = (sent: Message) =>
    sent.body.length > 1_000
      ? new PublishError('TOO_LARGE', 'the message is larger than the broker accepts')
      : undefined;
  const dependencies: ConsumerDependencies = {
    ...setup.dependencies,
    publisher: { ...setup.publisher, publishAll: async (sent) => sent.map(tooLarge) },
    archiveDeadLetter: async ({ code, queue }, { body }) => archived.push({ code, queue, body }) > 0,
  };
  const large = (behave: string) =>
    message(behave, { raw: Buffer.from(JSON.stringify({ isbn, behave, padding: 'x'.repeat(2_000) })) });
  const records = [large('transient'), large('permanent'), message()];
  expect((await run(records, dependencies)).counts).toMatchObject({ completed: 1, 'dead-letter': 2, unfinished: 0 });
  expect(archived.map(({ code, queue }) => [code, queue])).toEqual([
    ['TOO_LARGE', 'loans'],
    ['TOO_LARGE', 'loans'],
  ]);
  expect(archived.map(({ body }) => body.toString('base64'))).toEqual([records[0]!.data, records[1]!.data]);
});

test('a follow-up event that is too large for the broker is archived in DynamoDB', async () => {
  const archived: object[] = [];
  const dependencies: ConsumerDependencies = {
    ...setup.dependencies,
    publisher: {
      ...setup.publisher,
      publishAll: async (sent) =>
        sent.map(() => new PublishError('TOO_LARGE', 'the message is larger than the broker accepts')),
    },
    archiveDeadLetter: async (deadLetter) => archived.push(deadLetter) > 0,
  };
  expect((await run([message('reject')], dependencies)).counts).toMatchObject({ rejected: 1 });
  expect(archived).toMatchObject([{ code: 'TOO_LARGE', type: 'loan.rejected', queue: undefined }]);
});

test('two messages with equal bodies and different ids are both processed', async () => {
  const report = await run([message('well', { id: 'a' + isbn }), message('well', { id: 'b' + isbn })]);
  expect(report.counts.completed).toBe(2);
  expect(await applied()).toBe(2);
});

test('after a redrive, a message starts again with its first attempt and can be retried again', async () => {
  const id = randomUUID();
  await run([message('transient', { id, headers: { 'surehop-attempt': 4 } })]);
  await run([message('transient', { id, headers: { 'surehop-attempt': 1, 'surehop-redrives': 1 } })]);
  expect([...(await placed('retry.1s')), ...(await placed('loans'))]).toHaveLength(1);
  expect(await placed('dead-letters')).toHaveLength(1);
  const report = await run([message('transient', { id, headers: { 'surehop-attempt': 4, 'surehop-redrives': 1 } })]);
  expect(report.counts['dead-letter']).toBe(1);
  expect(await placed('dead-letters')).toHaveLength(1);
});

describe('a follow-up event that no queue receives', () => {
  const follow = (exchange: string, behave: string) =>
    emit(defineEvent({ type: `loan.${behave}`, version: 1, exchange, schema: z.object({}) }), {});
  const consumerOf = (exchange: string) => ({
    ...scriptedConsumer,
    decide: (event: Payload<typeof scriptedEvent>, context: RuleContext) =>
      event.number === 1
        ? { effects: [add()], events: [follow(exchange, isbn), follow(exchange, `${isbn}.other`)] }
        : scriptedConsumer.decide(event, context),
  });
  const add = () => tables.loans.add({ isbn }, 'available', 1);
  const errorsOf = () => {
    const written: unknown[] = [];
    const error = jest.spyOn(log(), 'error').mockImplementation((...[line, details]) => {
      written.push([line, details]);
    });
    return { written, restore: () => error.mockRestore() };
  };

  test.each([
    ['its exchange has no binding for its routing key', 'library'],
    ['its exchange is missing', 'no-such-exchange'],
  ])(
    'if a follow-up event reaches no queue because %s, the message that caused the event is postponed, and the other messages of the batch are settled as usual',
    async (_, exchange) => {
      const errors = errorsOf();
      const id = randomUUID();
      const record = aRecord({ id, type, body: { isbn, number: 1 } });
      const handler = createConsumer(consumerOf(exchange), setup.dependencies);
      const report = await handler(anEvent([record, message(), message('reject')]), anInvocation());
      errors.restore();
      expect(report.counts).toMatchObject({ completed: 1, rejected: 1, postponed: 1, unfinished: 0 });
      expect(report.notCompleted).toContainEqual({
        id,
        outcome: 'postponed',
        code: 'UNROUTABLE',
        message: expect.stringContaining(`exchange "${exchange}"`),
        destination: 'retry.4s',
      });
      expect(await placed('notices')).toHaveLength(1);
      expect(await placed('retry.4s')).toMatchObject([{ id, 'surehop-attempt': 1, 'surehop-postponed': true }]);
      expect(errors.written).toEqual(
        [isbn, `${isbn}.other`].map((name) => [
          'no queue receives a follow-up event',
          {
            queue: 'loans',
            reason: 'UNROUTABLE',
            event: `loan.${name}`,
            exchange,
            routingKey: `loan.${name}`,
            failed: 1,
            messageIds: [id],
          },
        ]),
      );
      expect(await applied()).toBe(2);
    },
  );

  test('if a message was postponed because no queue was bound for its follow-up event, the consumer publishes the event at the next delivery after a queue has been bound', async () => {
    const errors = errorsOf();
    const id = randomUUID();
    const handler = createConsumer(consumerOf('library'), setup.dependencies);
    const body = { isbn, number: 1 };
    const copy = aRecord({ id, type, body, headers: { 'surehop-postponed': true } });
    await handler(anEvent([aRecord({ id, type, body })]), anInvocation());
    expect((await handler(anEvent([copy]), anInvocation())).counts).toMatchObject({ postponed: 1 });
    errors.restore();
    await setup.host.channel.bindQueue('notices', 'library', `loan.${isbn}.#`);
    expect((await handler(anEvent([copy]), anInvocation())).counts).toMatchObject({ duplicate: 1 });
    await setup.host.channel.unbindQueue('notices', 'library', `loan.${isbn}.#`);
    expect(await placed('notices')).toHaveLength(2);
    expect(await placed('retry.4s')).toHaveLength(2);
    expect(await applied()).toBe(1);
  });

  test('while the follow-up event of a message reaches no queue, the message is postponed; its business rule runs only once, even if this takes longer than the inbox retention', async () => {
    const errors = errorsOf();
    let nowMs = Date.now();
    const clock = { now: () => nowMs };
    const dependencies = dependenciesAt(setup.endpoint, setup.tablePrefix, setup.publisher, {}, clock);
    const client = dynamoDbClient({ endpoint: setup.endpoint, maxAttempts: 1 });
    const id = randomUUID();
    const TableName = `${setup.tablePrefix}inbox`;
    const Key = { pk: { S: `loans#${id}` } };
    /** Advances the clock. If the inbox marker of the message has then expired, deletes it, like DynamoDB's TTL. */
    const wait = async (days: number) => {
      nowMs += days * 86_400_000;
      const { Item } = await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
      if (Number(Item!['expiresAt']!.N) * 1_000 < nowMs) await client.send(new DeleteItemCommand({ TableName, Key }));
    };
    const body = { isbn, number: 1 };
    const postponedCopy = aRecord({ id, type, body, headers: { 'surehop-postponed': true } });
    const deliver = (record: RabbitMqRecord) =>
      createConsumer(consumerOf('library'), dependencies)(anEvent([record]), anInvocation());
    await deliver(aRecord({ id, type, body }));
    for (const days of [6, 6, 6, 6, 6]) {
      await wait(days);
      expect((await deliver(postponedCopy)).counts).toMatchObject({ postponed: 1 });
    }
    await placed('retry.4s');
    client.destroy();
    errors.restore();
    expect(await applied()).toBe(1);
  });
});
