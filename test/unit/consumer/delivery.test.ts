import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { plainOf } from '../../../lib/events/json-form.ts';
import { decode } from '../../../lib/consumer/delivery.ts';
import { aDelivery, anEvent, aRecord, type GivenHeader } from '../../support/delivery.ts';

const headerName = fc
  .string({ minLength: 1, maxLength: 20 })
  .filter((name) => name !== '__proto__' && name !== 'bytes');

const headerValue = fc.letrec<{ value: GivenHeader }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary' }).filter((text) => Buffer.from(text).toString() === text),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(headerName, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

describe('decoding an event', () => {
  test('gives every header back as it was published', () => {
    fc.assert(
      fc.property(fc.dictionary(headerName, headerValue, { maxKeys: 6, noNullPrototype: true }), (headers) => {
        const decoded = Object.entries(aDelivery({ headers }).properties.headers);
        expect(Object.fromEntries(decoded.map(([name, value]) => [name, plainOf(value)]))).toEqual(headers);
      }),
    );
  });

  test('gives every body back byte for byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        expect(aDelivery({ raw: Buffer.from(bytes) }).body).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test('keeps header bytes that are no UTF-8', () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x00]);
    expect(aDelivery({ headers: { odd: bytes } }).properties.headers).toEqual({ odd: bytes });
  });

  test('reads unsigned bytes like signed ones', () => {
    const record = aRecord();
    const headers = { city: { bytes: [...Buffer.from('Zürich')] } };
    const [delivery] = decode(anEvent([{ ...record, basicProperties: { ...record.basicProperties, headers } }]));
    expect(delivery?.properties.headers).toEqual({ city: 'Zürich' });
  });

  test('takes every property but the delivery mode and the size for possibly absent', () => {
    const record = aRecord();
    const nothing = Object.fromEntries(Object.keys(record.basicProperties).map((name) => [name, null]));
    const [delivery] = decode(anEvent([{ ...record, basicProperties: nothing }]));
    expect(delivery).toMatchObject({
      id: undefined,
      envelope: { attempt: 1, redrives: 0 },
      properties: { headers: {} },
    });
  });

  test('takes the queue from the key, whatever the queue is called', () => {
    const [delivery] = decode({ ...anEvent([]), rmqMessagesByQueue: { 'a::b::/': [aRecord()] } });
    expect(delivery?.queue).toBe('a::b');
  });

  test('reads the locale timestamp as UTC, narrow no-break space included', () => {
    const record = aRecord();
    const timestamp = 'Jan 1, 1970, 12:33:41\u202fAM';
    const [delivery] = decode(anEvent([{ ...record, basicProperties: { ...record.basicProperties, timestamp } }]));
    expect(delivery?.properties.timestamp).toBe(33 * 60 + 41);
  });

  test('prefers the newer broker’s delivery count', () => {
    const headers = { 'x-acquired-count': 5, 'x-delivery-count': 2 };
    expect(aDelivery({ redelivered: true, headers }).deliveryCount).toBe(5);
    expect(aDelivery({ redelivered: true, headers: { 'x-delivery-count': 2 } }).deliveryCount).toBe(2);
    // Copied from another queue, say: the broker itself writes none before the second delivery.
    expect(aDelivery({ headers }).deliveryCount).toBe(0);
  });

  test.each([null, undefined, 7, 'a record', [], {}, { basicProperties: null }, { basicProperties: [], data: 'e30=' }])(
    'keeps a record of another shape, %p, as it came',
    (record) => {
      const deliveries = decode(anEvent([record, aRecord({ id: 'm-2' })] as never));
      expect(deliveries).toMatchObject([
        { id: undefined, fault: { code: 'MALFORMED' } },
        { id: 'm-2', fault: undefined },
      ]);
      const { data } = (record ?? {}) as { data?: string };
      const kept = data ? Buffer.from(data, 'base64').toString() : (JSON.stringify(record) ?? 'null');
      expect(deliveries[0]?.body.toString()).toBe(kept);
    },
  );

  test.each([undefined, null, 7, {}, 'no base64!', 'e30', 'e3-_', 'e30=\n', 'é'])(
    'keeps a record whose data is %p, which is not base64, as JSON',
    (data) => {
      const record = { ...aRecord({ id: 'm-1' }), data } as never;
      const [delivery] = decode(anEvent([record]));
      expect(delivery).toMatchObject({ id: undefined, fault: { code: 'MALFORMED' }, properties: { messageId: 'm-1' } });
      expect(JSON.parse(String(delivery?.body))).toEqual(JSON.parse(JSON.stringify(record)));
    },
  );

  test.each([7, {}, ['m'], true, 'm'.repeat(256), 'é'.repeat(128), 'a\ufffdb'])(
    'takes %p for no message id, since it tells no message from another',
    (messageId) => {
      const record = aRecord();
      const basicProperties = { ...record.basicProperties, messageId };
      expect(decode(anEvent([{ ...record, basicProperties }]))).toMatchObject([
        { id: undefined, fault: { code: 'MISSING_MESSAGE_ID', message: expect.stringContaining('the message id') } },
      ]);
    },
  );

  test('never fails for whatever a queue of the event holds', () => {
    const { rmqMessagesByQueue: _, ...rest } = anEvent([]);
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), (rmqMessagesByQueue) => {
        const event = JSON.parse(
          JSON.stringify({ rmqMessagesByQueue }, (_key, value) => (typeof value === 'bigint' ? 0 : value)),
        );
        for (const { body } of decode({ ...rest, ...event })) expect(Buffer.isBuffer(body)).toBe(true);
      }),
    );
  });

  test('keeps a timestamp that is no date as the text that it is', () => {
    const record = aRecord();
    const basicProperties = { ...record.basicProperties, timestamp: 'Smarch 1, 2026' };
    expect(decode(anEvent([{ ...record, basicProperties }]))).toMatchObject([
      { properties: { timestamp: 'Smarch 1, 2026' } },
    ]);
  });

  test("takes the time of our own header for the event's where that is the same time in another zone, and only then", () => {
    const timestamp = (publishedAt: string) =>
      aDelivery({ headers: { 'surehop-published-at': publishedAt } }).properties.timestamp;
    const noon = Date.UTC(2026, 10, 22, 12, 33, 41) / 1_000;
    expect(timestamp('2026-11-22T13:33:41.250Z')).toBe(noon + 3_600);
    expect(timestamp('2026-11-22T12:34:00.000Z')).toBe(noon);
    expect(timestamp('yesterday')).toBe(noon);
  });

  test('refuses what is no event of Amazon MQ for RabbitMQ', () => {
    expect(() => decode({ Records: [] } as never)).toThrow(/not an event of Amazon MQ/);
  });
});
