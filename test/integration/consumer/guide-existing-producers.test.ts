import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Channel } from 'amqplib';

import { decode, type RabbitMqEvent } from '../../../lib/message/delivery.ts';
import type { Identify } from '../../../lib/message/identify.ts';
import type { BatchReport } from '../../../lib/consumer/report.ts';
import { readItem } from '../../../lib/dynamodb/read-item.ts';
import type { AnyTable } from '../../../lib/dynamodb/tables.ts';
import { longString, propertyBytes, tableOf, type GivenProperties } from '../../support/amqp-arbitraries.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, anInvocation } from '../../support/delivery.ts';
import { takeRecords } from '../../support/from-broker.ts';
import { aGuide, createGuideTables } from '../../support/guide.ts';
import { aRawPublisher, type RawPublisher } from '../../support/raw-publisher.ts';

const guide = aGuide('existing-producers.md');

interface Example {
  readonly handler?: (event: RabbitMqEvent, context: ReturnType<typeof anInvocation>) => Promise<BatchReport>;
  readonly identify?: Identify;
  readonly revenues?: AnyTable;
}

let backend: Backend;
let channel: Channel;
let producer: RawPublisher;
let examples: Example[];

beforeAll(async () => {
  backend = await aBackend();
  channel = await backend.host.rawChannel();
  await channel.assertQueue('revenue', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  producer = await aRawPublisher(backend.host.amqpUrl);
  examples = await Promise.all(guide.blocks('ts').map((_, index) => guide.load<Example>(index)));
  await createGuideTables(`${backend.host.name}-`, [examples[0]!.revenues!]);
}, 60_000);

afterAll(async () => {
  await producer.close();
  await backend.remove();
  guide.remove();
});

beforeEach(() => backend.host.drain('revenue'));

/** Publishes a message to `revenue`, the example queue of the guide. Returns the message as a Lambda event record. */
async function delivered(body: string, properties: GivenProperties) {
  expect(await producer.publish('', 'revenue', propertyBytes(properties), Buffer.from(body))).toBe(true);
  return takeRecords(channel, 'revenue');
}

const headers = (texts: Record<string, string>): GivenProperties => ({
  headers: tableOf(
    Object.fromEntries(Object.entries(texts).map(([name, value]) => [name, longString(Buffer.from(value))])),
  ),
});

const revenue = async (customerId: string) =>
  (await readItem(await backend.surehop(), examples[0]!.revenues!, { customerId }))?.['total'];

describe('the guide for existing producers', () => {
  test('the guide for existing producers contains three examples in TypeScript and one CloudEvent in JSON, and this file tests all of them', () => {
    expect(examples).toHaveLength(3);
    expect(guide.blocks('json')).toHaveLength(1);
  });

  test('the example consumer processes a message with the producer’s own headers exactly once', async () => {
    const [message] = await delivered(
      '{"customerId":"grace","total":40}',
      headers({ 'x-event-id': 'event-1', 'x-event-type': 'order.placed' }),
    );
    const { handler } = examples[0]!;
    expect((await handler!(anEvent([message!], 'revenue'), anInvocation())).counts).toMatchObject({ completed: 1 });
    const again = { ...message!, redelivered: true };
    expect((await handler!(anEvent([again], 'revenue'), anInvocation())).counts).toMatchObject({ duplicate: 1 });
    expect(await revenue('grace')).toBe(40);
  });

  test('the example consumer processes a CloudEvent in structured mode if its identify function returns undefined', async () => {
    const [body] = guide.blocks('json');
    const [record] = await delivered(body!, { contentType: Buffer.from('application/cloudevents+json') });
    const [message] = decode(anEvent([record!], 'revenue'), examples[2]!.identify);
    expect(message).toMatchObject({
      id: 'https://shop.example/checkout 4f6c1a52',
      identity: { type: 'order.placed', version: 1 },
      data: { value: { customerId: 'ada', total: 300 } },
    });
  });

  test('in the example with a natural key, two messages have the same id only if their order numbers and their statuses are equal', async () => {
    const { identify } = examples[1]!;
    const idOf = async (body: object) => {
      const [record] = await delivered(JSON.stringify(body), {});
      return decode(anEvent([record!], 'revenue'), identify)[0]?.id;
    };
    expect(await idOf({ orderNumber: 7, status: 'paid' })).toBe('order 7 paid');
    expect(await idOf({ orderNumber: 7, status: 'paid', note: 'sent again' })).toBe('order 7 paid');
    expect(await idOf({ orderNumber: 7, status: 'shipped' })).toBe('order 7 shipped');
  });

  test('in the example with two producers, the id of a message of the older producer comes from its header x-legacy-id', async () => {
    const [record] = await delivered('{}', headers({ 'x-legacy-id': '17' }));
    const [message] = decode(anEvent([record!], 'revenue'), examples[2]!.identify);
    expect(message).toMatchObject({ id: 'legacy 17', identity: { type: 'order.placed' } });
  });
});
