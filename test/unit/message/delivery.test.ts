import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { plainOf } from '../../../lib/events/json-form.ts';
import { decode } from '../../../lib/message/delivery.ts';
import { character } from '../../support/characters.ts';
import { aDelivery, anEvent, aRecord, type GivenHeader } from '../../support/delivery.ts';

const headerName = fc
  .string({ minLength: 1, maxLength: 20 })
  .filter((name) => name !== '__proto__' && name !== 'bytes');

const headerValue = fc.letrec<{ value: GivenHeader }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: character }).filter((text) => Buffer.from(text).toString() === text),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(headerName, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

test('decoding an event returns every header of a message as the publisher wrote it', () => {
  fc.assert(
    fc.property(fc.dictionary(headerName, headerValue, { maxKeys: 6, noNullPrototype: true }), (headers) => {
      const decoded = Object.entries(aDelivery({ headers }).properties.headers);
      expect(Object.fromEntries(decoded.map(([name, value]) => [name, plainOf(value)]))).toEqual(headers);
    }),
  );
});

test('decoding an event returns the body of every message byte for byte', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
      expect(aDelivery({ raw: Buffer.from(bytes) }).body).toEqual(Buffer.from(bytes));
    }),
  );
});

test('decoding an event keeps the bytes of a header that is not UTF-8', () => {
  const bytes = Buffer.from([0xff, 0xfe, 0x00]);
  expect(aDelivery({ headers: { odd: bytes } }).properties.headers).toEqual({ odd: bytes });
});

test('decoding an event accepts header bytes that are written as numbers from 0 to 255 instead of -128 to 127', () => {
  const record = aRecord();
  const headers = { city: { bytes: [...Buffer.from('Zürich')] } };
  const [delivery] = decode(anEvent([{ ...record, basicProperties: { ...record.basicProperties, headers } }]));
  expect(delivery?.properties.headers).toEqual({ city: 'Zürich' });
});

test('decoding accepts a message without any properties', () => {
  const record = aRecord();
  const nothing = Object.fromEntries(Object.keys(record.basicProperties).map((name) => [name, null]));
  const [delivery] = decode(anEvent([{ ...record, basicProperties: nothing }]));
  expect(delivery).toMatchObject({
    id: undefined,
    envelope: { attempt: 1, redrives: 0 },
    properties: { headers: {} },
  });
});

test('decoding an event splits the name of a queue from its virtual host at the last double colon', () => {
  const [delivery] = decode({ ...anEvent([]), rmqMessagesByQueue: { 'a::b::/': [aRecord()] } });
  expect(delivery?.queue).toBe('a::b');
});

test('decoding an event reads the timestamp of a message as UTC, even if the timestamp contains a narrow no-break space', () => {
  const record = aRecord();
  const timestamp = 'Jan 1, 1970, 12:33:41\u202fAM';
  const [delivery] = decode(anEvent([{ ...record, basicProperties: { ...record.basicProperties, timestamp } }]));
  expect(delivery?.properties.timestamp).toBe(33 * 60 + 41);
});

test('the delivery count of a redelivered message is the larger of x-acquired-count and x-delivery-count, because RabbitMQ sets only one of them, and a publisher may have set the other to a lower value', () => {
  const headers = { 'x-acquired-count': 5, 'x-delivery-count': 2 };
  expect(aDelivery({ redelivered: true, headers }).deliveryCount).toBe(5);
  expect(aDelivery({ redelivered: true, headers: { 'x-delivery-count': 2 } }).deliveryCount).toBe(2);
  const forged = { 'x-acquired-count': 0, 'x-delivery-count': 50 };
  expect(aDelivery({ redelivered: true, headers: forged }).deliveryCount).toBe(50);
  // RabbitMQ writes x-acquired-count and x-delivery-count only from the second delivery on, so at the first delivery they come from the publisher.
  expect(aDelivery({ headers }).deliveryCount).toBe(0);
});

test.each([null, undefined, 7, 'a record', [], {}, { basicProperties: null }, { basicProperties: [], data: 'e30=' }])(
  'decoding a Lambda record that is not a valid RabbitMQ message (%p) returns a malformed message whose body is the record',
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
  'a record whose data is not base64 (%p) is decoded to a malformed message with the record as JSON in its body',
  (data) => {
    const record = { ...aRecord({ id: 'm-1' }), data } as never;
    const [delivery] = decode(anEvent([record]));
    expect(delivery).toMatchObject({ id: undefined, fault: { code: 'MALFORMED' }, properties: { messageId: 'm-1' } });
    expect(JSON.parse(String(delivery?.body))).toEqual(JSON.parse(JSON.stringify(record)));
  },
);

test.each([7, {}, ['m'], true, 'm'.repeat(256), 'é'.repeat(128), 'a\ufffdb'])(
  'a message with the message id %p is decoded as a message without an id, because the id does not identify one message',
  (messageId) => {
    const record = aRecord();
    const basicProperties = { ...record.basicProperties, messageId };
    expect(decode(anEvent([{ ...record, basicProperties }]))).toMatchObject([
      { id: undefined, fault: { code: 'MISSING_MESSAGE_ID', message: expect.stringContaining('the message id') } },
    ]);
  },
);

test('decoding an event never throws because of the content of its records', () => {
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

test('if the timestamp of a message is not a date, decoding keeps the timestamp as text', () => {
  const record = aRecord();
  const basicProperties = { ...record.basicProperties, timestamp: 'Smarch 1, 2026' };
  expect(decode(anEvent([{ ...record, basicProperties }]))).toMatchObject([
    { properties: { timestamp: 'Smarch 1, 2026' } },
  ]);
});

test('if the AMQP timestamp and the header surehop-published-at differ only by a time-zone offset, decoding returns the time in the header', () => {
  const timestamp = (publishedAt: string) =>
    aDelivery({ headers: { 'surehop-published-at': publishedAt } }).properties.timestamp;
  const noon = Date.UTC(2026, 10, 22, 12, 33, 41) / 1_000;
  expect(timestamp('2026-11-22T13:33:41.250Z')).toBe(noon + 3_600);
  expect(timestamp('2026-11-22T12:34:00.000Z')).toBe(noon);
  expect(timestamp('yesterday')).toBe(noon);
});

test('decoding throws for an event that is not an event of Amazon MQ for RabbitMQ', () => {
  expect(() => decode({ Records: [] } as never)).toThrow(/not an event of Amazon MQ/);
});
