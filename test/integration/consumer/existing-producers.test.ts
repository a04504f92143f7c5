import { hash, randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Channel } from 'amqplib';
import * as z from 'zod';

import { queues } from '../../../infra/topology.ts';
import { tables } from '../../../infra/tables.ts';
import { createConsumer, type ConsumerDefinition } from '../../../lib/consumer/consumer.ts';
import type { RabbitMqRecord } from '../../../lib/consumer/delivery.ts';
import type { Identify } from '../../../lib/consumer/identify.ts';
import type { ConsumerParts } from '../../../lib/consumer/parts.ts';
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
let parts: ConsumerParts;
let archive: (typeof import('../../../functions/dead-letters/archive.ts'))['handler'];
let get: HttpHandler;
let list: HttpHandler;
let redriveOne: HttpHandler;

beforeAll(async () => {
  backend = await aBackend();
  await backend.declare();
  channel = await backend.host.rawChannel();
  producer = await aRawPublisher(backend.host.amqpUrl);
  parts = dependenciesAt(process.env['DYNAMODB_ENDPOINT']!, process.env['TABLE_PREFIX']!, backend.host.publisher());
  ({ handler: archive } = await import('../../../functions/dead-letters/archive.ts'));
  ({ handler: get } = await import('../../../functions/dead-letters/get.ts'));
  ({ handler: list } = await import('../../../functions/dead-letters/list.ts'));
  ({ handler: redriveOne } = await import('../../../functions/dead-letters/redrive.ts'));
});

afterAll(async () => {
  await producer.close();
  await backend.remove();
});

let sku: string;
beforeEach(async () => {
  sku = randomUUID();
  for (const queue of ['stock', 'points', 'dead-letters', 'retry.1s']) await backend.host.drain(queue);
});

/** A work queue with a single delay. A message therefore has two attempts. */
const stock = { ...queues.stock, delays: queues.stock.delays.slice(0, 1) };
const points = { ...queues.points, delays: queues.points.delays.slice(0, 1) };

const ordered = defineEvent({
  type: 'order.ordered',
  version: 2,
  exchange: 'orders',
  schema: z.object({ sku: z.string(), order: z.string().optional(), fails: z.boolean().default(false) }),
});
const cancelled = defineEvent({ ...ordered, type: 'order.cancelled', version: 1 });
const followUp = defineEvent({
  type: 'order.rejected',
  version: 1,
  exchange: 'orders',
  schema: z.object({ sku: z.string() }),
});

/** The ids that the business rule received, in this order. */
let received: string[] = [];
/** Whether events with the field `fails` still fail. */
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
  if (event.fails && isBroken) throw new Error('the warehouse refused');
  return {
    effects: [{ kind: 'add', table: tables.stock, key: { sku: event.sku }, attribute: 'available', by: 1 }],
    events: [emit(followUp, { sku: event.sku })],
  };
};

const rules = [
  { event: ordered, decide },
  { event: cancelled, decide },
];

const consume = (identify?: Identify, queue = stock) => createConsumer({ queue, rules, identify }, parts);

const run = (handler: ReturnType<typeof consume>, records: readonly RabbitMqRecord[], queue = 'stock') =>
  handler(anEvent(records, queue), anInvocation());

const applied = async () => (await parts.read(tables.stock, { sku }))?.available ?? 0;

/** Publishes a message as a producer in another language does: with no more properties than given. */
async function publish(body: unknown, properties: GivenProperties = {}, queue = 'stock'): Promise<Buffer> {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  expect(await producer.publish('', queue, propertyBytes(properties), bytes)).toBe(true);
  return bytes;
}

const withHeaders = (headers: Record<string, string>): GivenProperties => ({
  headers: tableOf(
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, longString(Buffer.from(value))])),
  ),
});

/** Waits until the queue has `count` messages, and takes them. */
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

/** Archives the dead letter in the dead-letter queue, and returns it as an operator sees it. */
async function archived(): Promise<Shown> {
  const records = await takeFrom('dead-letters');
  await archive(anEvent(records, 'dead-letters'));
  return shownLetter(Buffer.from(records[0]!.data, 'base64'));
}

/** Returns the newest dead letter with this body as an operator sees it. */
async function shownLetter(message: Buffer): Promise<Shown> {
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

/** Each way in which a message without a `message-id` is identified, with the id that the message must have. */
const producers: [string, () => Promise<Buffer>, Identify | undefined, () => string][] = [
  ['a field of the body', () => publish({ sku, order: sku, fails: true }), byOrder, () => `order ${sku}`],
  [
    'headers',
    () => publish({ sku, fails: true }, withHeaders({ 'x-request': sku, 'x-kind': 'order.ordered' })),
    ({ headers }) => ({ id: headers['x-request'], type: headers['x-kind'] }),
    () => sku,
  ],
  [
    'the attributes of a CloudEvent in binary mode',
    () =>
      publish(
        { sku, fails: true },
        {
          contentType: Buffer.from('application/json'),
          ...withHeaders({
            'cloudEvents:specversion': '1.0',
            'cloudEvents:id': sku,
            'cloudEvents:source': '/shop',
            'cloudEvents:type': 'order.ordered',
            'cloudEvents:dataschema': 'https://shop.example/order.ordered/v2',
          }),
        },
      ),
    undefined,
    () => `/shop ${sku}`,
  ],
  [
    'the attributes of a CloudEvent in structured mode',
    () =>
      publish(
        { specversion: '1.0', id: sku, source: '/shop', type: 'order.ordered', data: { sku, fails: true } },
        { contentType: Buffer.from('application/cloudevents+json; charset=UTF-8') },
      ),
    undefined,
    () => `/shop ${sku}`,
  ],
];

describe.each(producers)('a message that is identified by %s', (_, publishMessage, identify, id) => {
  test('keeps its id from its first delivery to its effect: as a retry copy, in the archive, and after a redrive', async () => {
    const body = await publishMessage();
    const first = await takeFrom('stock');
    expect(messageCounts(await run(consume(identify), first))).toEqual({ retry: 1 });

    // The message returns after its delay. The consumer of the copy needs no function `identify`.
    const retried = await takeFrom('stock');
    expect(Buffer.from(retried[0]!.data, 'base64')).toEqual(body);
    expect(messageCounts(await run(consume(), retried))).toEqual({ 'dead-letter': 1 });

    const letter = await archived();
    expect(letter).toMatchObject({ messageId: id(), type: 'order.ordered', code: 'ATTEMPTS_EXHAUSTED' });
    expect(Buffer.from(letter.body.base64, 'base64')).toEqual(body);
    // Redeliveries of the first delivery and of the retry copy have no further effect.
    const redelivered = [...first, ...retried].map((record) => ({ ...record, redelivered: true }));
    expect(messageCounts(await run(consume(identify), redelivered))).toEqual({ duplicate: 2 });

    isBroken = false;
    await redrive(letter);
    const redriven = await takeFrom('stock');
    expect(messageCounts(await run(consume(), redriven))).toEqual({ completed: 1 });
    expect(messageCounts(await run(consume(identify), redelivered))).toEqual({ duplicate: 2 });
    expect(await applied()).toBe(1);
    expect(new Set(received)).toEqual(new Set([id()]));
  });

  test('is processed once if the producer publishes it again, even within one batch', async () => {
    isBroken = false;
    await publishMessage();
    await publishMessage();
    const [one, other] = await takeFrom('stock', 2);
    expect(messageCounts(await run(consume(identify), [one!, other!]))).toEqual({ completed: 1, duplicate: 1 });
    await publishMessage();
    expect(messageCounts(await run(consume(identify), await takeFrom('stock')))).toEqual({ duplicate: 1 });
    expect(await applied()).toBe(1);
    const [event] = await takeRecords(channel, 'points');
    expect(event?.basicProperties).toMatchObject({
      messageId: deriveId('stock', id(), 'order.rejected', '0'),
      correlationId: id(),
    });
  });
});

test('a message that identify cannot identify is archived byte for byte, and the other messages of its batch complete', async () => {
  const identify: Identify = ({ body }) => ({ id: body.nested.order, type: 'order.ordered' });
  const body = await publish({ sku, note: 'é' }, withHeaders({ 'x-tenant': 'ada' }));
  await publish({ sku, nested: { order: sku } });
  const records = await takeFrom('stock', 2);
  expect(messageCounts(await run(consume(identify), records))).toEqual({ completed: 1, 'dead-letter': 1 });
  const letter = await archived();
  expect(letter).toMatchObject({ code: 'IDENTIFY_FAILED', headers: { 'x-tenant': 'ada' } });
  expect(letter.messageId).toBeUndefined();
  expect(Buffer.from(letter.body.base64, 'base64')).toEqual(body);
  await redrive(letter);
  expect(
    messageCounts(
      await run(
        consume(({ properties }) => ({ id: `fixed ${sku} ${properties.type}`, type: 'order.ordered' })),
        await takeFrom('stock'),
      ),
    ),
  ).toEqual({ completed: 1 });
  expect(await applied()).toBe(2);
});

test('a dead letter that was refused because of its identity is identified again after a redrive', async () => {
  await publish({ sku, order: sku });
  const records = await takeFrom('stock');
  const wrong: Identify = ({ body }) => ({ id: body.order, type: 'order.misspelt' });
  expect(messageCounts(await run(consume(wrong), records))).toEqual({ 'dead-letter': 1 });
  const letter = await archived();
  expect(letter).toMatchObject({ messageId: sku, type: 'order.misspelt', code: 'UNKNOWN_TYPE' });
  await redrive(letter);
  expect(messageCounts(await run(consume(byOrder), await takeFrom('stock')))).toEqual({ completed: 1 });
  expect(received).toEqual([`order ${sku}`]);
});

test('a dead letter that the broker refuses as too large is archived with the id of its message, and keeps the id after a redrive', async () => {
  const message = { sku, order: sku, fails: true };
  await publish(message);
  const refusing: Publisher = {
    ...parts.publisher,
    publishAll: (messages) => Promise.resolve(messages.map(() => new PublishError('TOO_LARGE', 'larger than allowed'))),
  };
  const handler = createConsumer({ queue: stock, rules, identify: byOrder }, { ...parts, publisher: refusing });
  expect(messageCounts(await run(handler, await takeFrom('stock')))).toEqual({ 'dead-letter': 1 });
  const letter = await shownLetter(Buffer.from(JSON.stringify(message)));
  expect(letter).toMatchObject({ messageId: `order ${sku}`, type: 'order.ordered', code: 'TOO_LARGE' });
  isBroken = false;
  await redrive(letter);
  expect(messageCounts(await run(consume(), await takeFrom('stock')))).toEqual({ completed: 1 });
  expect(received).toEqual([`order ${sku}`, `order ${sku}`]);
});

test('two different messages to which identify gives the same id are not lost: the second one is archived', async () => {
  const identify: Identify = () => ({ id: sku, type: 'order.ordered' });
  await publish({ sku, order: 'a' });
  await publish({ sku, order: 'b' });
  const records = await takeFrom('stock', 2);
  expect(messageCounts(await run(consume(identify), records))).toEqual({ completed: 1, 'dead-letter': 1 });
  expect(await archived()).toMatchObject({ messageId: sku, code: 'PAYLOAD_MISMATCH' });
});

test('two consumers with different functions identify process the same message independently', async () => {
  const body = { sku, order: sku, fails: true };
  await publish(body);
  await publish(body, {}, 'points');
  const other: Identify = ({ body }) => ({ id: `points ${body.order}`, type: 'order.cancelled' });
  expect(messageCounts(await run(consume(byOrder), await takeFrom('stock')))).toEqual({ retry: 1 });
  expect(messageCounts(await run(consume(other, points), await takeFrom('points'), 'points'))).toEqual({ retry: 1 });
  isBroken = false;
  const copies = { stock: await takeFrom('stock'), points: await takeFrom('points') };
  expect(messageCounts(await run(consume(byOrder), copies.stock))).toEqual({ completed: 1 });
  expect(messageCounts(await run(consume(other, points), copies.points, 'points'))).toEqual({ completed: 1 });
  expect(received).toEqual([`order ${sku}`, `points ${sku}`, `order ${sku}`, `points ${sku}`]);
});

test('a consumer that keeps order per key processes identified messages in the order in which they were published', async () => {
  const queue = { ...workQueue('stock', { ordered: true }), delays: stock.delays };
  const handler = createConsumer(
    { queue, rules, identify: byOrder, orderBy: (event: { sku: string }) => event.sku },
    parts,
  );
  await publish({ sku, order: 'a', fails: true });
  await publish({ sku, order: 'b' });
  expect(messageCounts(await run(handler, await takeFrom('stock', 2)))).toEqual({ retry: 1, postponed: 1 });
  isBroken = false;
  expect(messageCounts(await run(handler, await takeFrom('stock', 2)))).toEqual({ completed: 2 });
  expect(received).toEqual(['order a', 'order a', 'order b']);
});

describe('a message that the broker dead-letters before a consumer has identified it', () => {
  /** Makes the broker dead-letter the first message of the queue. */
  async function reject(): Promise<void> {
    const message = await channel.get('stock');
    if (!message) throw new Error('the queue has no message');
    channel.nack(message, false, false);
  }

  test('is archived without an id, and gets its id from identify after a redrive', async () => {
    await publish({ sku, order: sku });
    await reject();
    const letter = await archived();
    expect(letter).toMatchObject({ code: 'REJECTED' });
    expect(letter.messageId).toBeUndefined();
    await redrive(letter);
    expect(messageCounts(await run(consume(byOrder), await takeFrom('stock')))).toEqual({ completed: 1 });
    expect(received).toEqual([`order ${sku}`]);
  });

  test('is archived under its id if it is a CloudEvent', async () => {
    await producers.at(-1)![1]();
    await reject();
    expect(await archived()).toMatchObject({ messageId: `/shop ${sku}`, type: 'order.ordered', code: 'REJECTED' });
  });

  test('is archived under the id that a consumer gave to it earlier, if it is a retry copy', async () => {
    await publish({ sku, order: sku, fails: true });
    expect(messageCounts(await run(consume(byOrder), await takeFrom('stock')))).toEqual({ retry: 1 });
    await eventually('the retry copy returns', async () => (await channel.checkQueue('stock')).messageCount === 1);
    await reject();
    expect(await archived()).toMatchObject({ messageId: `order ${sku}`, code: 'REJECTED' });
  });
});
