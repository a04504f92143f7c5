import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { describe, expect, test } from '@jest/globals';
import type { ChannelModel } from 'amqplib';
import fc from 'fast-check';

import { propertiesInEvent } from '../../../lib/rabbitmq/decode-properties.ts';
import { encodePublish, unwritableParts } from '../../../lib/rabbitmq/encode-message.ts';
import { describeParts, withoutParts } from '../../../lib/rabbitmq/unwritable.ts';
import { decodeHeaders, headerInEvent, Structure, writeJson } from '../../../lib/events/json-form.ts';
import type { Headers, Message, Properties } from '../../../lib/events/message.ts';
import { useRawFrames } from '../../../lib/rabbitmq/raw-frames.ts';
import { decode } from '../../../lib/message/delivery.ts';
import { foreignProperties, headerTable, nested, propertyBytes, tableOf } from '../../support/amqp-arbitraries.ts';
import { character } from '../../support/characters.ts';
import { anEvent, aRecord } from '../../support/delivery.ts';
import { decodeWithAmqplib } from '../../support/amqplib-codec.ts';
import { numRuns } from '../../support/thorough.ts';

const FRAME_BYTES = 131_072;

const aMessage = (properties: Partial<Properties> = {}, about: Partial<Message> = {}): Message => ({
  exchange: 'library',
  routingKey: 'loan.created',
  body: Buffer.from('{}'),
  properties: { headers: {}, ...properties },
  ...about,
});

interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = bytes.readUInt32BE(at + 3);
    expect(bytes.readUInt16BE(at + 1)).toBe(7);
    expect(bytes[at + 7 + size]).toBe(0xce);
    frames.push({ type: bytes[at]!, payload: bytes.subarray(at + 7, at + 7 + size) });
    at += size + 8;
  }
  return frames;
}

const published = (message: Message) => framesOf(Buffer.concat(encodePublish(message, 7, FRAME_BYTES)));

const written = (message: Message) => published(message)[1]!.payload.subarray(12);

const inEvent = (bytes: Buffer) =>
  JSON.parse(propertiesInEvent(bytes, 0)) as { headers: unknown; timestamp: string | null } & Record<string, unknown>;

const headersInEvent = (headers: Headers) => inEvent(written(aMessage({ headers }))).headers;

const dates = fc.bigInt({ min: -12_212_553_600n, max: 9_000_000_000_000_000n }).map((seconds) => {
  const timestamp = Buffer.alloc(8);
  timestamp.writeBigInt64BE(seconds);
  return inEvent(propertyBytes({ timestamp })).timestamp!;
});

const byteString = fc.oneof(
  fc.string({ unit: character, maxLength: 20 }).map((text) => headerInEvent(text)),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => headerInEvent(Buffer.from(bytes))),
);

const name = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom('__proto__', '', 'bytes', 'toJSON'),
);

/** Generates every value that a message header can have in a Lambda event of Amazon MQ. */
const { value: eventValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    byteString,
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(-1e20, 2 ** 63, -(2 ** 63), 2 ** 63 - 1_024, -0, 1e300),
    fc.boolean(),
    fc.constant(null),
    dates,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.integer({ min: -128, max: 127 }), { maxLength: 30 }),
    fc.dictionary(name, tie('value'), { maxKeys: 5 }),
  ),
}));

describe('headers', () => {
  test('the Lambda event for a copy of a message contains the same headers as the event for the original', () => {
    fc.assert(
      fc.property(fc.dictionary(name, eventValue, { maxKeys: 8 }), (event) => {
        expect(writeJson(headersInEvent(decodeHeaders(event)))).toBe(writeJson(event));
      }),
      { numRuns: numRuns({ everyday: 150, thorough: 500 }) },
    );
  });

  test('headers that a publisher wrote without the toolkit stay the same in a copy of the message and in a copy of that copy', () => {
    fc.assert(
      fc.property(headerTable, (table) => {
        const first = inEvent(propertyBytes({ headers: table })).headers;
        const headers = decodeHeaders(first);
        const parts = unwritableParts(aMessage({ headers }));
        // Only a header name that is not UTF-8 is unwritable, because the event source replaces its bytes with longer ones.
        for (const { reason } of parts) expect(reason).toMatch(/^the name ".*" in the headers has \d+ bytes/s);
        const kept = withoutParts(aMessage({ headers }), parts).properties.headers;
        const second = headersInEvent(kept);
        expect(writeJson(second)).toBe(
          writeJson(Object.fromEntries(Object.entries(kept).map(([key, value]) => [key, headerInEvent(value)]))),
        );
        expect(writeJson(headersInEvent(decodeHeaders(second)))).toBe(writeJson(second));
      }),
      { numRuns: numRuns({ everyday: 40, thorough: 100 }) },
    );
  });

  test('all properties that AMQP can carry are unchanged in a copy of a message', () => {
    fc.assert(
      fc.property(foreignProperties, (given) => {
        const first = inEvent(propertyBytes(given));
        const [delivery] = decode(anEvent([{ ...aRecord(), basicProperties: first }]));
        const message = aMessage(delivery!.properties);
        const parts = unwritableParts(message);
        const left = new Set(parts.map((one) => one.name));
        const second = inEvent(written(withoutParts(message, parts)));
        for (const name of Object.keys(first).filter((one) => one !== 'headers' && !left.has(one)))
          expect([name, second[name]]).toEqual([name, first[name]]);
      }),
    );
  });

  test.each(['A', 'F'] as const)(
    'headers can be nested as deeply as fits into an AMQP frame (AMQP type %s)',
    (kind) => {
      const event = inEvent(propertyBytes({ headers: tableOf({ deep: nested(15_000, kind) }) })).headers;
      expect(writeJson(headersInEvent(decodeHeaders(event)))).toBe(writeJson(event));
    },
  );

  test('a header with bytes that are not UTF-8 is encoded as an AMQP long string and not as a list', () => {
    const event = { odd: { bytes: [0, 83, -64, -1] } };
    const headers = decodeHeaders(event);
    expect(headers).toEqual({ odd: Buffer.from([0x00, 0x53, 0xc0, 0xff]) });
    expect(headersInEvent(headers)).toEqual(event);
  });

  test('a copy of a message can contain a header with a byte array of 100,000 bytes, because the header fits into an AMQP frame', () => {
    const headers = { binary: new Structure(Array.from({ length: 100_000 }, (_, index) => (index % 256) - 128)) };
    expect(unwritableParts(aMessage({ headers }))).toEqual([]);
  });
});

describe('frames', () => {
  test('the frames of a published message are decoded by amqplib to the same message', () => {
    const properties = {
      messageId: 'm-1',
      correlationId: 'käse',
      type: 'loan.created',
      appId: 'shop',
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      replyTo: 'replies',
      priority: 9,
      timestamp: 1_795_345_200,
    };
    const headers = { text: 'grün', empty: '', small: -7, large: 2 ** 40, fraction: 0.25, yes: true, nothing: null };
    const [method, content, body] = published(aMessage({ ...properties, headers }));
    expect(method!.payload.toString('latin1')).toBe('\0\x3c\0\x28\0\0\x07library\x0cloan.created\x01');
    expect(content!.payload.readBigUInt64BE(4)).toBe(2n);
    expect(decodeWithAmqplib(content!.payload.subarray(12))).toMatchObject({ ...properties, headers, deliveryMode: 2 });
    expect(body).toMatchObject({ type: 3, payload: Buffer.from('{}') });
  });

  test.each([0, 1, 65_535, 65_536, FRAME_BYTES - 8, FRAME_BYTES - 7, 400_000])(
    'a publish splits a body of %d bytes into frames that the broker accepts',
    (size) => {
      const body = Buffer.alloc(size, 'x');
      const pieces = encodePublish(aMessage({}, { body }), 7, FRAME_BYTES);
      for (const piece of pieces) expect(framesOf(piece).length).toBeGreaterThan(0);
      const [, , ...bodies] = framesOf(Buffer.concat(pieces));
      for (const { payload } of bodies) expect(payload.length).toBeLessThanOrEqual(FRAME_BYTES - 8);
      expect(Buffer.concat(bodies.map(({ payload }) => payload)).equals(body)).toBe(true);
    },
  );

  test.each([
    [-1, 'Dec 31, 1969, 11:59:59 PM'],
    [2 ** 45, 'May 14, 1116918, 7:20:32 PM'],
  ])(
    'a message can be published with the timestamp %d, even if it is before 1970 or beyond the range of Date',
    (timestamp, shown) => {
      expect(inEvent(written(aMessage({ timestamp }))).timestamp).toBe(shown);
      const record = aRecord();
      const basicProperties = { ...record.basicProperties, timestamp: shown };
      expect(decode(anEvent([{ ...record, basicProperties }]))).toMatchObject([{ properties: { timestamp } }]);
    },
  );

  test('the properties of a message may fill an AMQP frame completely, and larger properties cause the error UNWRITABLE', () => {
    const room = (length: number) => aMessage({ headers: { full: 'x'.repeat(length) } });
    let [fits, fails] = [0, FRAME_BYTES];
    while (fails - fits > 1) {
      const middle = (fits + fails) >> 1;
      if (unwritableParts(room(middle)).length === 0) fits = middle;
      else fails = middle;
    }
    const sent = encodePublish(room(fits), 7, FRAME_BYTES);
    const frames = framesOf(Buffer.concat(sent));
    expect(frames[1]!.payload.length + 8).toBeLessThanOrEqual(FRAME_BYTES);
    expect(frames[1]!.payload.length + 8).toBeGreaterThan(FRAME_BYTES - 12);
    expect(() => encodePublish(room(fails), 7, FRAME_BYTES)).toThrow(expect.objectContaining({ code: 'UNWRITABLE' }));
  });
});

const deepest = (levels: number): unknown => {
  let value: unknown = 1n;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
};

describe('unwritable parts', () => {
  test.each<[string, object, string]>([
    ['an id of 256 bytes', { messageId: 'é'.repeat(128) }, 'messageId (256 bytes are more than 255)'],
    ['an id with half a surrogate pair', { messageId: 'a\ud800' }, 'messageId (not Unicode text)'],
    ['a correlation id that is a number', { correlationId: 7 }, 'correlationId (a number instead of text)'],
    ['a reply address that is a table', { replyTo: {} }, 'replyTo (an object instead of text)'],
    ['a priority of 256', { priority: 256 }, 'priority (not a whole number from 0 to 255)'],
    ['half a priority', { priority: 0.5 }, 'priority (not a whole number from 0 to 255)'],
    ['half a second', { timestamp: 0.5 }, 'timestamp (not a whole number of seconds)'],
    ['a time that is no date', { timestamp: 'soon' }, 'timestamp ("soon" is not a date from 1583 on)'],
    [
      'a time of the Julian calendar',
      { timestamp: 'Jan 1, 1582, 12:00:00 AM' },
      'timestamp ("Jan 1, 1582, 12:00:00 AM" is not a date from 1583 on)',
    ],
    [
      'a day that is in no month',
      { timestamp: 'Feb 30, 2026, 12:00:00 AM' },
      'timestamp ("Feb 30, 2026, 12:00:00 AM" is',
    ],
    ['a header that is text without bytes', { headers: { a: new Structure('x') } }, 'header "a" ("x" is not a date'],
    [
      'a header without a value',
      { headers: { a: new Structure(undefined) } },
      'header "a" (AMQP headers cannot contain undefined',
    ],
    ['a header that is not finite', { headers: { a: Number.NaN } }, 'header "a" (the number NaN)'],
    [
      'a header with a function in it',
      { headers: { a: new Structure([() => 1]) } },
      'header "a" (AMQP headers cannot contain a function',
    ],
    [
      'a header that is wrong 20,000 levels deep',
      { headers: { a: new Structure(deepest(20_000)) } },
      'header "a" (AMQP headers cannot contain a bigint',
    ],
    [
      'a name of 256 bytes',
      { headers: { ['é'.repeat(128)]: 1 } },
      `(the name "${'é'.repeat(40)}" in the headers has 256 bytes, but AMQP allows at most 255)`,
    ],
    [
      'a name with half a surrogate pair',
      { headers: { 'a\udc00': 1 } },
      '(the name "a\\udc00" in the headers is not Unicode text)',
    ],
    [
      'a long name within a table',
      { headers: { a: new Structure({ ['n'.repeat(256)]: 1 }) } },
      'header "a" (the name "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" in the headers has 256 bytes',
    ],
    ['a header larger than a frame', { headers: { a: 'x'.repeat(131_072) } }, 'header "a" (too large'],
  ])('a part of a message that AMQP cannot carry is named with the reason: %s', (_, properties, says) => {
    const message = aMessage({ headers: {}, ...properties });
    const parts = unwritableParts(message);
    expect(parts).toHaveLength(1);
    expect(describeParts(parts)).toContain(says);
    expect(() => encodePublish(message, 7, FRAME_BYTES)).toThrow(says);
    const rest = withoutParts(message, parts);
    expect(unwritableParts(rest)).toEqual([]);
    expect(rest.body).toBe(message.body);
  });

  test('unwritableParts reports an exchange name and a routing key that are too long for AMQP', () => {
    const message = aMessage({}, { exchange: 'e'.repeat(256), routingKey: 'r'.repeat(300) });
    expect(unwritableParts(message).map(({ part, name }) => `${part} ${name}`)).toEqual([
      'address exchange',
      'address routing key',
    ]);
  });

  test('if the headers of a message do not fit into an AMQP frame, the largest headers are omitted, except those of the toolkit', () => {
    const many = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, index) => [`n${index}`, 'x'.repeat(index % 10)]),
    );
    const headers = { large: 'x'.repeat(60_000), ...many, 'surehop-dead-letter-reason': 'r'.repeat(1_000) };
    const left = new Set(unwritableParts(aMessage({ headers })).map(({ name: left }) => left));
    expect(left.has('large')).toBe(true);
    expect(left.has('surehop-dead-letter-reason')).toBe(false);
    expect(left.has('n0')).toBe(false);
    expect(left.size).toBeLessThan(20_000);
  });

  test('the text that lists the headers and properties that AMQP cannot carry is shorter than 900 characters, even if their names are long', () => {
    const headers = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`${index}${'n'.repeat(300)}`, 1]));
    const text = describeParts(unwritableParts(aMessage({ headers })));
    expect(text.length).toBeLessThan(900);
    expect(text).toMatch(/ and \d+ more$/);
  });
});

describe('the replacement of amqplib’s codec', () => {
  test('the installed version of amqplib, whose codec is replaced, is the version that package.json pins', () => {
    const manifest = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, any>;
    const wanted = manifest('lib/package.json').dependencies.amqplib as string;
    const installed = manifest(
      createRequire(import.meta.url)
        .resolve('amqplib')
        .replace(/[^/\\]+$/, 'package.json'),
    );
    expect(installed.version).toBe(wanted);
  });

  test.each(['rest', 'frameMax', 'maxFrameSize', 'channels', 'recvFrame', 'sendMessage'])(
    'the replacement of amqplib’s codec fails if an amqplib connection has no field %s',
    (missing) => {
      const connection = {
        rest: Buffer.alloc(0),
        frameMax: 1,
        maxFrameSize: 1,
        channels: [],
        recvFrame: () => {},
        sendMessage: () => {},
      };
      const changed = { ...connection, [missing]: undefined };
      expect(() => useRawFrames({ connection } as unknown as ChannelModel)).not.toThrow();
      expect(() => useRawFrames({ connection: changed } as unknown as ChannelModel)).toThrow(
        /^the installed version of amqplib lacks internal fields/,
      );
    },
  );
});
