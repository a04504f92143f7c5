import fc from 'fast-check';

import { character } from './characters.ts';

const short = (bytes: Uint8Array) => Buffer.concat([Buffer.from([bytes.length]), bytes]);

const long = (tag: string, bytes: Uint8Array) => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([Buffer.from(tag), length, bytes]);
};

const fixed = (tag: string, bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((value) => Buffer.concat([Buffer.from(tag), value]));

const text = fc.string({ unit: character, maxLength: 30 }).map((value) => Buffer.from(value));

/** Generates header names that other software or attackers may use, including names that are not valid UTF-8. */
const headerName = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 12 }).map((name) => Buffer.from(name)) },
  fc
    .constantFrom('__proto__', 'bytes', '', 'constructor', 'toString', 'CC', 'BCC', '$base64')
    .map((name) => Buffer.from(name)),
  fc
    .constantFrom(
      'x-death',
      'x-delivery-count',
      'surehop-attempt',
      'surehop-left-out',
      'surehop-dead-letter-id',
      'surehop-identified-id',
      'surehop-identified-version',
      'surehop-schema-version',
      'cloudEvents_specversion',
      'cloudEvents:id',
      'traceparent',
    )
    .map((name) => Buffer.from(name)),
  fc.uint8Array({ maxLength: 255 }).map((name) => Buffer.from(name)),
  fc.nat(255).map((length) => Buffer.alloc(length, 'n')),
);

/**
 * Generates random AMQP timestamps from 1583 on, the first full year of the Gregorian calendar. Earlier dates are
 * ambiguous in a Lambda event.
 */
const timestamp = fc.bigInt({ min: -12_212_553_600n, max: 250_000_000_000_000n }).map((seconds) => {
  const bytes = Buffer.alloc(9, 'T');
  bytes.writeBigInt64BE(seconds, 1);
  return bytes;
});

const double = fc
  .oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(-1e20, -0, 1e21, 2 ** 63))
  .map((value) => {
    const bytes = Buffer.alloc(9, 'd');
    bytes.writeDoubleBE(value, 1);
    return bytes;
  });

const float = fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => {
  const bytes = Buffer.alloc(5, 'f');
  bytes.writeFloatBE(value, 1);
  return bytes;
});

const { value: fieldValue, table } = fc.letrec<{ value: Buffer; table: Buffer }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text.map((bytes) => long('S', bytes)),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => long('S', bytes)),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => long('x', bytes)),
    fc.boolean().map((value) => Buffer.from([0x74, value ? 1 : 0])),
    fixed('b', 1),
    fixed('B', 1),
    fixed('s', 2),
    fixed('u', 2),
    fixed('I', 4),
    fixed('i', 4),
    fixed('l', 8),
    fixed('D', 5),
    float,
    double,
    timestamp,
    fc.constant(Buffer.from('V')),
    fc.array(tie('value'), { maxLength: 5 }).map((values) => long('A', Buffer.concat(values))),
    tie('table').map((bytes) => long('F', bytes)),
  ),
  table: fc
    .array(fc.tuple(headerName, tie('value')), { maxLength: 5 })
    .map((entries) => Buffer.concat(entries.flatMap(([name, value]) => [short(name), value]))),
}));

/** Encodes AMQP arrays or AMQP tables that are nested `levels` deep. */
export function nested(levels: number, kind: 'A' | 'F'): Buffer {
  const name = kind === 'F' ? short(Buffer.from('t')) : Buffer.alloc(0);
  const bytes = 5 + name.length;
  const whole = Buffer.alloc(levels * bytes + 1, 'V');
  for (let level = 0; level < levels; level += 1) {
    const at = level * bytes;
    whole.write(kind, at);
    whole.writeUInt32BE(whole.length - at - 5, at + 1);
    name.copy(whole, at + 5);
  }
  return whole;
}

const deepValue = fc
  .tuple(fc.constantFrom(10, 500, 5_000), fc.constantFrom('A' as const, 'F' as const))
  .map(([levels, kind]) => nested(levels, kind));

/**
 * Generates the bytes of an AMQP header table, with values of every type, deep nesting, repeated names, and bytes that
 * are not valid UTF-8.
 */
export const headerTable = fc
  .tuple(
    table,
    fc.array(fc.tuple(headerName, fieldValue), { maxLength: 6 }),
    fc.option(fc.tuple(headerName, deepValue), { freq: 6 }),
  )
  .map(([first, entries, deep]) =>
    Buffer.concat([first, ...[...entries, ...(deep ? [deep] : [])].flatMap(([name, value]) => [short(name), value])]),
  );

export const tableOf = (entries: Readonly<Record<string, Buffer>>): Buffer =>
  Buffer.concat(Object.entries(entries).flatMap(([name, value]) => [short(Buffer.from(name)), value]));

export const longString = (bytes: Uint8Array): Buffer => long('S', bytes);

const shortText = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 40 }).map((value) => Buffer.from(value)) },
  fc.uint8Array({ maxLength: 255 }).map((value) => Buffer.from(value)),
);

const flags = {
  contentType: 0x8000,
  contentEncoding: 0x4000,
  headers: 0x2000,
  deliveryMode: 0x1000,
  priority: 0x0800,
  correlationId: 0x0400,
  replyTo: 0x0200,
  messageId: 0x0080,
  timestamp: 0x0040,
  type: 0x0020,
  appId: 0x0008,
} as const;

/**
 * The encoded value of each AMQP message property, by the name of the property. `propertyBytes` adds the length
 * prefixes.
 */
export type GivenProperties = { readonly [name in keyof typeof flags]?: Buffer };

/** Encodes AMQP message properties in the format of a content header frame. */
export function propertyBytes(properties: GivenProperties): Buffer {
  const pieces: Buffer[] = [];
  let bits = 0;
  for (const [name, bit] of Object.entries(flags)) {
    const value = properties[name as keyof typeof flags];
    if (value === undefined) continue;
    bits |= bit;
    const isShort = !['headers', 'deliveryMode', 'priority', 'timestamp'].includes(name);
    pieces.push(name === 'headers' ? long('', value) : isShort ? short(value) : value);
  }
  const start = Buffer.alloc(2);
  start.writeUInt16BE(bits);
  return Buffer.concat([start, ...pieces]);
}

/**
 * Generates random values for any of the AMQP properties that a publisher may set, except the message id and the type.
 */
export const foreignProperties: fc.Arbitrary<GivenProperties> = fc.record(
  {
    contentType: fc.oneof(
      { weight: 4, arbitrary: shortText },
      fc.constant(Buffer.from('application/cloudevents+json')),
    ),
    contentEncoding: shortText,
    headers: headerTable,
    deliveryMode: fc.constant(Buffer.from([2])),
    priority: fc.nat(31).map((priority) => Buffer.from([priority])),
    correlationId: shortText,
    replyTo: fc.string({ maxLength: 40 }).map((value) => Buffer.from(`r${value}`)),
    timestamp: fc.oneof(
      timestamp.map((bytes) => bytes.subarray(1)),
      fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
    ),
    appId: shortText,
  },
  { requiredKeys: ['headers', 'deliveryMode'] },
);
