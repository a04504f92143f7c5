import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { HeaderValue } from '../../lib/broker/message.ts';
import { decode } from '../../lib/consume/delivery.ts';
import { aDelivery, anEvent, aRecord } from '../support/delivery.ts';

const headerName = fc
  .string({ minLength: 1, maxLength: 20 })
  .filter((name) => name !== '__proto__' && name !== 'bytes');

const headerValue = fc.letrec<{ value: HeaderValue }>((tie) => ({
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
        expect(aDelivery({ headers }).properties.headers).toEqual(headers);
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
    expect(aDelivery({ headers: { 'x-acquired-count': 5, 'x-delivery-count': 2 } }).deliveryCount).toBe(5);
    expect(aDelivery({ headers: { 'x-delivery-count': 2 } }).deliveryCount).toBe(2);
  });

  test('refuses what is no event of Amazon MQ for RabbitMQ', () => {
    expect(() => decode({ Records: [] } as never)).toThrow(/not an event of Amazon MQ/);
  });
});
