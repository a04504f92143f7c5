import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { eventJson, recordJson } from '../../infra/emulator/event.ts';
import { decodeHeaders } from '../../lib/events/json-form.ts';
import { longString, nested, propertyBytes, tableOf, type GivenProperties } from '../support/amqp-arbitraries.ts';
import { encodeWithAmqplib } from '../support/amqplib-codec.ts';

interface EventRecord {
  basicProperties: Record<string, unknown>;
  redelivered: boolean;
  data: string;
}

interface Frozen {
  eventSourceArn: string;
  rmqMessagesByQueue: Record<string, EventRecord[]>;
}

interface DeliveredMessage {
  content: Buffer;
  fields: { redelivered: boolean };
  properties: object;
}

const delivered = (bytes: Buffer): Record<string, unknown> =>
  (
    JSON.parse(
      recordJson({ content: Buffer.alloc(0), fields: { redelivered: false }, properties: { bytes } }),
    ) as EventRecord
  ).basicProperties;

const headersOf = (headers: Buffer) => delivered(propertyBytes({ headers }))['headers'] as Record<string, unknown>;

function frozen(name: string): Frozen {
  return JSON.parse(readFileSync(new URL(`./events/${name}.json`, import.meta.url), 'utf8')) as Frozen;
}

// Comparing the texts compares the order of the keys too.
function emulated(event: Frozen, messages: DeliveredMessage[]): string {
  const [queue, virtualHost] = Object.keys(event.rmqMessagesByQueue)[0]!.split('::') as [string, string];
  const records = messages.map((message) =>
    recordJson({ ...message, properties: { bytes: encodeWithAmqplib(message.properties) } }),
  );
  return eventJson({ eventSourceArn: event.eventSourceArn, queue, virtualHost }, records);
}

const noon = Date.UTC(2026, 10, 22, 12, 0, 5) / 1000;
const amqpTimestamp = { '!': 'timestamp', value: noon };

describe('the event that the emulator of the event source creates', () => {
  test("for the message in AWS's documentation, the emulator creates exactly the documented event", () => {
    const sample = frozen('documented-sample');
    const record = sample.rmqMessagesByQueue['test::/']![0]!;
    const content = Buffer.from(record.data, 'base64');
    // The bodySize in AWS's sample does not belong to the sample's body.
    record.basicProperties.bodySize = content.length;
    const message: DeliveredMessage = {
      content,
      fields: { redelivered: false },
      properties: {
        contentType: 'text/plain',
        headers: { header1: 'value1', header2: 'value2', numberInHeader: 10 },
        deliveryMode: 1,
        priority: 34,
        expiration: '60000',
        timestamp: 33 * 60 + 41,
        userId: 'AIDACKCEVSQ6C2EXAMPLE',
      },
    };
    expect(emulated(sample, [message])).toBe(JSON.stringify(sample));
  });

  test('the emulated Lambda event contains null for each AMQP property that the message does not have', () => {
    const messages: DeliveredMessage[] = [
      { content: Buffer.from('Hello World 1'), fields: { redelivered: true }, properties: { deliveryMode: 2 } },
      {
        content: Buffer.alloc(0),
        fields: { redelivered: false },
        properties: { headers: {}, priority: 0, timestamp: 0 },
      },
    ];
    const event = frozen('bare-messages');
    expect(emulated(event, messages)).toBe(JSON.stringify(event));
  });

  test('the emulated Lambda event contains every AMQP property of a message, and headers of every AMQP type', () => {
    const event = frozen('every-property');
    const [[record]] = Object.values(event.rmqMessagesByQueue) as [[EventRecord]];
    const { ascii } = decodeHeaders(record.basicProperties['headers']);
    const message: DeliveredMessage = {
      content: Buffer.from('{}'),
      fields: { redelivered: false },
      properties: {
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        headers: {
          ascii,
          utf8: 'é€',
          empty: '',
          integer: 42,
          negative: -7,
          large: 1_784_541_234_567,
          fraction: 0.25,
          yes: true,
          no: false,
          nothing: null,
          binary: Buffer.from([0, 127, 128, 255]),
          at: amqpTimestamp,
          price: { '!': 'decimal', value: { places: 2, digits: 1234 } },
          'x-death': [{ count: 2, reason: 'expired', queue: 'retry.1s', time: amqpTimestamp, 'routing-keys': [ascii] }],
          table: { inner: { deep: 'x' } },
          list: [1, 'a', [true]],
        },
        deliveryMode: 2,
        priority: 5,
        correlationId: 'correlation-1',
        replyTo: 'replies',
        expiration: '3600000',
        messageId: 'message-1',
        timestamp: noon,
        type: 'order.created',
        userId: 'guest',
        appId: 'shop',
        clusterId: 'cluster-1',
      },
    };
    expect(emulated(event, [message])).toBe(JSON.stringify(event));
  });

  test('the emulator writes string headers as arrays of signed bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (text) => {
        const { bytes } = headersOf(tableOf({ text: longString(text) }))['text'] as { bytes: number[] };
        expect(bytes.every((byte) => byte >= -128 && byte <= 127)).toBe(true);
        expect(Uint8Array.from(bytes)).toEqual(text);
      }),
    );
  });

  test("like RabbitMQ's Java client, the emulator converts AMQP timestamps to milliseconds in a signed 64-bit integer, so very large timestamps overflow", () => {
    const at = (seconds: bigint) => {
      const timestamp = Buffer.alloc(8);
      timestamp.writeBigUInt64BE(BigInt.asUintN(64, seconds));
      return delivered(propertyBytes({ timestamp }))['timestamp'];
    };
    expect(at(-1n)).toBe('Dec 31, 1969, 11:59:59 PM');
    expect(at(-11_676_096_000n)).toBe('Jan 1, 1600, 12:00:00 AM');
    expect(at(2n ** 45n)).toMatch(/^[A-Z][a-z]{2} \d+, 1116918, \d+:\d\d:\d\d [AP]M$/);
    // In milliseconds, 2^61 seconds are a multiple of 2^64, so the overflow gives 0.
    expect(at(2n ** 61n)).toBe('Jan 1, 1970, 12:00:00 AM');
  });

  test("if a message has two headers with the same name, the event contains only the first, as with RabbitMQ's Java client", () => {
    const twice = Buffer.concat([
      tableOf({ a: longString(Buffer.from('1')) }),
      tableOf({ a: Buffer.from('V'), b: Buffer.from('V') }),
    ]);
    expect(headersOf(twice)).toEqual({ a: { bytes: [49] }, b: null });
    expect(Object.keys(headersOf(tableOf({ ['__proto__']: Buffer.from('V'), '': Buffer.from('V') })))).toEqual([
      '__proto__',
      '',
    ]);
  });

  test.each(['A', 'F'] as const)(
    'headers that are nested 15,000 levels deep appear in the event (AMQP type %s)',
    (kind) => {
      let { deep } = headersOf(tableOf({ deep: nested(15_000, kind) }));
      let levels = 0;
      for (; typeof deep === 'object' && deep !== null; levels += 1) deep = Object.values(deep)[0];
      expect(levels).toBe(15_000);
    },
  );

  test('if a nested header table contains an invalid byte, the event lacks only the rest of the nested table', () => {
    const broken = Buffer.from('F\0\0\0\x05\x01a?zz', 'latin1');
    expect(headersOf(tableOf({ before: Buffer.from('V'), broken, after: Buffer.from('V') }))).toEqual({
      before: null,
      broken: { a: null },
      after: null,
    });
  });

  test('the emulator throws no error for bytes that are not a valid header table', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const properties: GivenProperties = { headers: Buffer.from(bytes) };
        expect(delivered(propertyBytes(properties))).toHaveProperty('headers');
      }),
    );
  });
});
