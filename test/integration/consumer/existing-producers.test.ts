import { hash, randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Channel } from 'amqplib';
import * as z from 'zod';

import { queues } from '../../support/example/topology.ts';
import { tables } from '../../support/example/tables.ts';
import { useExampleTopology } from '../../support/example/use-example.ts';
import { createConsumer, type ConsumerDefinition } from '../../../lib/consumer/consumer.ts';
import type { RabbitMqRecord } from '../../../lib/message/delivery.ts';
import type { Identify } from '../../../lib/message/identify.ts';
import type { ConsumerDependencies } from '../../../lib/consumer/dependencies.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import type { Publisher } from '../../../lib/events/publish.ts';
import { deriveId } from '../../../lib/events/message-id.ts';
import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { PublishError } from '../../../lib/runtime/errors.ts';
import { emit } from '../../../lib/inbox/decision.ts';
import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { longString, propertyBytes, tableOf, type GivenProperties } from '../../support/amqp-arbitraries.ts';
import { callAsOperator } from '../../support/as-client.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { dependenciesAt } from '../../support/consumer-dependencies.ts';
import { anEvent, anInvocation } from '../../support/delivery.ts';
import { eventually } from '../../support/eventually.ts';
import { takeRecords } from '../../support/from-broker.ts';
import { aRawPublisher, type RawPublisher } from '../../support/raw-publisher.ts';

let backend: Backend;
let channel: Channel;
let producer: RawPublisher;
let dependencies: ConsumerDependencies;
let archive: (typeof import('../../../functions/dead-letters/archive.ts'))['handler'];
let get: HttpHandler;
let list: HttpHandler;
let redriveOne: HttpHandler;

beforeAll(async () => {
  useExampleTopology();
  backend = await aBackend();
  await backend.declare();
  channel = await backend.host.rawChannel();
  producer = await aRawPublisher(backend.host.amqpUrl);
  dependencies = dependenciesAt(
    process.env['DYNAMODB_ENDPOINT']!,
    process.env['TABLE_PREFIX']!,
    backend.host.publisher(),
  );
  ({ handler: archive } = await import('../../../functions/dead-letters/archive.ts'));
  ({ handler: get } = await import('../../../functions/dead-letters/get.ts'));
  ({ handler: list } = await import('../../../functions/dead-letters/list.ts'));
  ({ handler: redriveOne } = await import('../../../functions/dead-letters/redrive.ts'));
});

afterAll(async () => {
  await producer.close();
  await backend.remove();
});

let isbn: string;
beforeEach(async () => {
  isbn = randomUUID();
  for (const queue of ['loans', 'notices', 'dead-letters', 'retry.1s']) await backend.host.drain(queue);
});

/** A work queue with a single retry delay, so that each message has at most two attempts. */
const loans = { ...queues.loans, delays: queues.loans.delays.slice(0, 1) };
const notices = { ...queues.notices, delays: queues.notices.delays.slice(0, 1) };

const ordered = defineEvent({
  type: 'order.ordered',
  version: 2,
  exchange: 'library',
  schema: z.object({ isbn: z.string(), order: z.string().optional(), fails: z.boolean().default(false) }),
});
const cancelled = defineEvent({ ...ordered, type: 'loan.cancelled', version: 1 });
const followUp = defineEvent({
  type: 'loan.rejected',
  version: 1,
  exchange: 'library',
  schema: z.object({ isbn: z.string() }),
});

/** The ids of the messages for which the business rule ran, in the order in which the rule ran. */
let received: string[] = [];
let isBroken = true;
beforeEach(() => {
  received = [];
  isBroken = true;
});

const decide: Extract<ConsumerDefinition<z.infer<typeof ordered.schema>>, { decide: unknown }>['decide'] = (
  event,
  { id },
) => {
  received.push(id);
  if (event.fails && isBroken)
    throw new Error(`the loan of ${event.isbn} cannot be recorded: the library system is unavailable`);
  return {
    effects: [{ kind: 'add', table: tables.loans, key: { isbn: event.isbn }, attribute: 'available', by: 1 }],
    events: [emit(followUp, { isbn: event.isbn })],
  };
};

const rules = [
  { event: ordered, decide },
  { event: cancelled, decide },
];

const consume = (identify?: Identify, queue = loans) => createConsumer({ queue, rules, identify }, dependencies);

const run = (handler: ReturnType<typeof consume>, records: readonly RabbitMqRecord[], queue = 'loans') =>
  handler(anEvent(records, queue), anInvocation());

const applied = async () => (await dependencies.read(tables.loans, { isbn }))?.available ?? 0;

/** Publishes a message with only the given AMQP properties, like a producer that does not use Surehop. */
async function publish(body: unknown, properties: GivenProperties = {}, queue = 'loans'): Promise<Buffer> {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  expect(await producer.publish('', queue, propertyBytes(properties), bytes)).toBe(true);
  return bytes;
}

const withHeaders = (headers: Record<string, string>): GivenProperties => ({
  headers: tableOf(
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, longString(Buffer.from(value))])),
  ),
});

async function takeFrom(queue: string, count = 1): Promise<RabbitMqRecord[]> {
  const records: RabbitMqRecord[] = [];
  await eventually(`${count} messages in the queue ${queue}`, async () => {
    records.push(...(await takeRecords(channel, queue)));
    return records.length >= count;
  });
  expect(records).toHaveLength(count);
  return records;
}

const messageCounts = (report: { counts: object }) =>
  Object.fromEntries(Object.entries(report.counts).filter(([, count]) => count > 0));

interface Shown {
  readonly id: string;
  readonly messageId?: string;
  readonly type?: string;
  readonly code: string;
  readonly body: { readonly base64: string };
  readonly headers: Record<string, unknown>;
}

/** Archives the dead letter in the dead-letter queue, and returns the response of `GET /dead-letters/{id}` for it. */
async function archived(): Promise<Shown> {
  const records = await takeFrom('dead-letters');
  await archive(anEvent(records, 'dead-letters'));
  return shownDeadLetter(Buffer.from(records[0]!.data, 'base64'));
}

/** Returns the response of `GET /dead-letters/{id}` for the newest dead letter whose body equals `message`. */
async function shownDeadLetter(message: Buffer): Promise<Shown> {
  const payloadHash = hash('sha256', message);
  const { body } = await callAsOperator(list, { route: 'GET /dead-letters', query: { limit: '100' } });
  const { id } = (body.deadLetters as { id: string; payloadHash: string }[]).find(
    (one) => one.payloadHash === payloadHash,
  )!;
  const shown = await callAsOperator(get, { route: 'GET /dead-letters/{id}', path: { id } });
  return shown.body;
}

const redrive = async ({ id }: Shown) =>
  expect(await callAsOperator(redriveOne, { route: 'POST /dead-letters/{id}/redrive', path: { id } })).toMatchObject({
    status: 200,
  });

const byOrder: Identify = ({ body }) => ({ id: `order ${body.order}`, type: 'order.ordered', version: 2 });

/**
 * The ways to identify a message without a `message-id`: a name, a function that publishes such a message, the
 * `identify` function of the consumer, and the expected message id.
 */
const producers: [string, () => Promise<Buffer>, Identify | undefined, () => string][] = [
  ['a field of the body', () => publish({ isbn, order: isbn, fails: true }), byOrder, () => `order ${isbn}`],
  [
    'headers',
    () => publish({ isbn, fails: true }, withHeaders({ 'x-request': isbn, 'x-kind': 'order.ordered' })),
    ({ headers }) => ({ id: headers['x-request'], type: headers['x-kind'] }),
    () => isbn,
  ],
  [
    'the attributes of a CloudEvent in binary mode',
    () =>
      publish(
        { isbn, fails: true },
        {
          contentType: Buffer.from('application/json'),
          ...withHeaders({
            'cloudEvents:specversion': '1.0',
            'cloudEvents:id': isbn,
            'cloudEvents:source': '/shop',
            'cloudEvents:type': 'order.ordered',
            'cloudEvents:dataschema': 'https://shop.example/order.ordered/v2',
          }),
        },
      ),
    undefined,
    () => `/shop ${isbn}`,
  ],
  [
    'the attributes of a CloudEvent in structured mode',
    () =>
      publish(
        { specversion: '1.0', id: isbn, source: '/shop', type: 'order.ordered', data: { isbn, fails: true } },
        { contentType: Buffer.from('application/cloudevents+json; charset=UTF-8') },
      ),
    undefined,
    () => `/shop ${isbn}`,
  ],
];

describe.each(producers)('a message that is identified by %s', (_, publishMessage, identify, id) => {
  test('when a message without a message-id is retried, archived and redriven, the message keeps the id that identify returned', async () => {
    const body = await publishMessage();
    const first = await takeFrom('loans');
    expect(messageCounts(await run(consume(identify), first))).toEqual({ retry: 1 });

    // The message returns after its delay. The consumer of the copy needs no function `identify`.
    const retried = await takeFrom('loans');
    expect(Buffer.from(retried[0]!.data, 'base64')).toEqual(body);
    expect(messageCounts(await run(consume(), retried))).toEqual({ 'dead-letter': 1 });

    const deadLetter = await archived();
    expect(deadLetter).toMatchObject({ messageId: id(), type: 'order.ordered', code: 'ATTEMPTS_EXHAUSTED' });
    expect(Buffer.from(deadLetter.body.base64, 'base64')).toEqual(body);
    // Redeliveries of the first delivery and of the retry copy have no further effect.
    const redelivered = [...first, ...retried].map((record) => ({ ...record, redelivered: true }));
    expect(messageCounts(await run(consume(identify), redelivered))).toEqual({ duplicate: 2 });

    isBroken = false;
    await redrive(deadLetter);
    const redriven = await takeFrom('loans');
    expect(messageCounts(await run(consume(), redriven))).toEqual({ completed: 1 });
    expect(messageCounts(await run(consume(identify), redelivered))).toEqual({ duplicate: 2 });
    expect(await applied()).toBe(1);
    expect(new Set(received)).toEqual(new Set([id()]));
  });

  test('a message without a message-id is processed once, even if the producer publishes it several times or one batch contains it twice', async () => {
    isBroken = false;
    await publishMessage();
    await publishMessage();
    const [one, other] = await takeFrom('loans', 2);
    expect(messageCounts(await run(consume(identify), [one!, other!]))).toEqual({ completed: 1, duplicate: 1 });
    await publishMessage();
    expect(messageCounts(await run(consume(identify), await takeFrom('loans')))).toEqual({ duplicate: 1 });
    expect(await applied()).toBe(1);
    const [event] = await takeRecords(channel, 'notices');
    expect(event?.basicProperties).toMatchObject({
      messageId: deriveId('loans', id(), 'loan.rejected', '0'),
      correlationId: id(),
    });
  });
});

test('if identify throws an error for a message, the message is archived byte for byte, and the other messages of the batch complete', async () => {
  const identify: Identify = ({ body }) => ({ id: body.nested.order, type: 'order.ordered' });
  const body = await publish({ isbn, note: 'é' }, withHeaders({ 'x-tenant': 'ada' }));
  await publish({ isbn, nested: { order: isbn } });
  const records = await takeFrom('loans', 2);
  expect(messageCounts(await run(consume(identify), records))).toEqual({ completed: 1, 'dead-letter': 1 });
  const deadLetter = await archived();
  expect(deadLetter).toMatchObject({ code: 'IDENTIFY_FAILED', headers: { 'x-tenant': 'ada' } });
  expect(deadLetter.messageId).toBeUndefined();
  expect(Buffer.from(deadLetter.body.base64, 'base64')).toEqual(body);
  await redrive(deadLetter);
  expect(
    messageCounts(
      await run(
        consume(({ properties }) => ({ id: `fixed ${isbn} ${properties.type}`, type: 'order.ordered' })),
        await takeFrom('loans'),
      ),
    ),
  ).toEqual({ completed: 1 });
  expect(await applied()).toBe(2);
});

test('if a message was dead-lettered because the function identify returned an unknown type, identify runs again after a redrive', async () => {
  await publish({ isbn, order: isbn });
  const records = await takeFrom('loans');
  const wrong: Identify = ({ body }) => ({ id: body.order, type: 'order.misspelt' });
  expect(messageCounts(await run(consume(wrong), records))).toEqual({ 'dead-letter': 1 });
  const deadLetter = await archived();
  expect(deadLetter).toMatchObject({ messageId: isbn, type: 'order.misspelt', code: 'UNKNOWN_TYPE' });
  await redrive(deadLetter);
  expect(messageCounts(await run(consume(byOrder), await takeFrom('loans')))).toEqual({ completed: 1 });
  expect(received).toEqual([`order ${isbn}`]);
});

test('if the broker refuses a dead letter as too large, the consumer archives the dead letter with the message id from identify, and the redriven message keeps this id', async () => {
  const message = { isbn, order: isbn, fails: true };
  await publish(message);
  const refusing: Publisher = {
    ...dependencies.publisher,
    publishAll: (messages) => Promise.resolve(messages.map(() => new PublishError('TOO_LARGE', 'larger than allowed'))),
  };
  const handler = createConsumer({ queue: loans, rules, identify: byOrder }, { ...dependencies, publisher: refusing });
  expect(messageCounts(await run(handler, await takeFrom('loans')))).toEqual({ 'dead-letter': 1 });
  const deadLetter = await shownDeadLetter(Buffer.from(JSON.stringify(message)));
  expect(deadLetter).toMatchObject({ messageId: `order ${isbn}`, type: 'order.ordered', code: 'TOO_LARGE' });
  isBroken = false;
  await redrive(deadLetter);
  expect(messageCounts(await run(consume(), await takeFrom('loans')))).toEqual({ completed: 1 });
  expect(received).toEqual([`order ${isbn}`, `order ${isbn}`]);
});

test('two different messages to which identify gives the same id are not lost: the second one is archived', async () => {
  const identify: Identify = () => ({ id: isbn, type: 'order.ordered' });
  await publish({ isbn, order: 'a' });
  await publish({ isbn, order: 'b' });
  const records = await takeFrom('loans', 2);
  expect(messageCounts(await run(consume(identify), records))).toEqual({ completed: 1, 'dead-letter': 1 });
  expect(await archived()).toMatchObject({ messageId: isbn, code: 'PAYLOAD_MISMATCH' });
});

test('two consumers that identify the same message in different ways process the message independently', async () => {
  const body = { isbn, order: isbn, fails: true };
  await publish(body);
  await publish(body, {}, 'notices');
  const other: Identify = ({ body }) => ({ id: `notices ${body.order}`, type: 'loan.cancelled' });
  expect(messageCounts(await run(consume(byOrder), await takeFrom('loans')))).toEqual({ retry: 1 });
  expect(messageCounts(await run(consume(other, notices), await takeFrom('notices'), 'notices'))).toEqual({ retry: 1 });
  isBroken = false;
  const copies = { loans: await takeFrom('loans'), notices: await takeFrom('notices') };
  expect(messageCounts(await run(consume(byOrder), copies.loans))).toEqual({ completed: 1 });
  expect(messageCounts(await run(consume(other, notices), copies.notices, 'notices'))).toEqual({ completed: 1 });
  expect(received).toEqual([`order ${isbn}`, `notices ${isbn}`, `order ${isbn}`, `notices ${isbn}`]);
});

test('with the options orderBy and identify, a consumer processes messages in publication order even if their producer does not use Surehop', async () => {
  const queue = { ...workQueue('loans', { ordered: true }), delays: loans.delays };
  const handler = createConsumer(
    { queue, rules, identify: byOrder, orderBy: (event: { isbn: string }) => event.isbn },
    dependencies,
  );
  await publish({ isbn, order: 'a', fails: true });
  await publish({ isbn, order: 'b' });
  expect(messageCounts(await run(handler, await takeFrom('loans', 2)))).toEqual({ retry: 1, postponed: 1 });
  isBroken = false;
  expect(messageCounts(await run(handler, await takeFrom('loans', 2)))).toEqual({ completed: 2 });
  expect(received).toEqual(['order a', 'order a', 'order b']);
});

describe('a message that the broker dead-letters before a consumer has identified it', () => {
  /** Makes the broker dead-letter the first message of the queue `loans`. */
  async function reject(): Promise<void> {
    const message = await channel.get('loans');
    if (!message) throw new Error('the queue is empty, but this test needs a message');
    channel.nack(message, false, false);
  }

  test('a message that the broker dead-letters before its first delivery is archived without an id; after a redrive, the message gets its id from the identify function', async () => {
    await publish({ isbn, order: isbn });
    await reject();
    const deadLetter = await archived();
    expect(deadLetter).toMatchObject({ code: 'REJECTED' });
    expect(deadLetter.messageId).toBeUndefined();
    await redrive(deadLetter);
    expect(messageCounts(await run(consume(byOrder), await takeFrom('loans')))).toEqual({ completed: 1 });
    expect(received).toEqual([`order ${isbn}`]);
  });

  test('if the broker dead-letters a CloudEvent, the archived message id consists of the CloudEvent attributes source and id', async () => {
    await producers.at(-1)![1]();
    await reject();
    expect(await archived()).toMatchObject({ messageId: `/shop ${isbn}`, type: 'order.ordered', code: 'REJECTED' });
  });

  test('if a consumer identifies a message and the broker then dead-letters its retry copy, the archive keeps the id that the consumer gave the message', async () => {
    await publish({ isbn, order: isbn, fails: true });
    expect(messageCounts(await run(consume(byOrder), await takeFrom('loans')))).toEqual({ retry: 1 });
    await eventually('the retry copy returns', async () => (await channel.checkQueue('loans')).messageCount === 1);
    await reject();
    expect(await archived()).toMatchObject({ messageId: `order ${isbn}`, code: 'REJECTED' });
  });
});
