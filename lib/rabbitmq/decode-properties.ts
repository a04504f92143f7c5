import { SECONDS_OF_400_YEARS } from '../events/json-form.ts';

/** The encoded properties of a message, as in an AMQP content-header frame: first the flags, then the values. */
export type PropertyBytes = Buffer;

/**
 * The names of the properties, in the order in which AMQP encodes their flags and values
 * (https://www.rabbitmq.com/amqp-0-9-1-reference#class.basic).
 */
const names = [
  'contentType',
  'contentEncoding',
  'headers',
  'deliveryMode',
  'priority',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'timestamp',
  'type',
  'userId',
  'appId',
  'clusterId',
] as const;

type Name = (typeof names)[number];

function locate(bytes: PropertyBytes): Map<Name, readonly [start: number, end: number]> {
  const found = new Map<Name, readonly [number, number]>();
  const flags = bytes.length >= 2 ? bytes.readUInt16BE(0) : 0;
  let at = 2;
  for (const [bit, name] of names.entries()) {
    if (!(flags & (0x8000 >> bit))) continue;
    const [prefix, length] =
      name === 'headers'
        ? [4, bytes.readUInt32BE(at)]
        : name === 'deliveryMode' || name === 'priority'
          ? [0, 1]
          : name === 'timestamp'
            ? [0, 8]
            : [1, bytes.readUInt8(at)];
    found.set(name, [at + prefix, at + prefix + length]);
    at += prefix + length;
  }
  return found;
}

export function messageIdIn(bytes: PropertyBytes): string | undefined {
  const range = locate(bytes).get('messageId');
  return range && bytes.toString('utf8', ...range);
}

const TRANSIENT = 1;

/**
 * Converts the properties of a message to the JSON text that the event source passes to Lambda. The event source
 * decodes the values with RabbitMQ's Java client and writes them with the Java library Gson; this function produces the
 * same text.
 */
export function propertiesInEvent(bytes: PropertyBytes, bodySize: number): string {
  const ranges = locate(bytes);
  const members = names.map((name) => {
    const range = ranges.get(name);
    return `"${name}":${range ? propertyInEvent(name, bytes.subarray(...range)) : name === 'deliveryMode' ? TRANSIENT : 'null'}`;
  });
  return `{${members.join(',')},"bodySize":${bodySize}}`;
}

function propertyInEvent(name: Name, value: Buffer): string {
  switch (name) {
    case 'headers':
      return tableInEvent(value);
    case 'deliveryMode':
    case 'priority':
      return String(value[0]);
    case 'timestamp':
      return JSON.stringify(javaDate(value.readBigInt64BE(0)));
    default:
      return JSON.stringify(value.toString('utf8'));
  }
}

interface OpenStructure {
  readonly end: number;
  readonly names?: Set<string>;
  isEmpty: boolean;
  readonly isHidden: boolean;
}

function tableInEvent(bytes: Buffer): string {
  const pieces: string[] = ['{'];
  const open: OpenStructure[] = [{ end: bytes.length, names: new Set(), isEmpty: true, isHidden: false }];
  let at = 0;
  for (let top = open.at(-1); top; top = open.at(-1)) {
    if (at >= top.end) {
      at = top.end;
      if (!top.isHidden) pieces.push(top.names ? '}' : ']');
      open.pop();
      continue;
    }
    let isHidden = top.isHidden;
    let name = '';
    if (top.names) {
      const length = bytes[at]!;
      name = bytes.toString('utf8', at + 1, Math.min(at + 1 + length, top.end));
      at += 1 + length;
      isHidden ||= top.names.has(name);
      top.names.add(name);
    }
    if (!isHidden) {
      if (!top.isEmpty) pieces.push(',');
      if (top.names) pieces.push(JSON.stringify(name), ':');
      top.isEmpty = false;
    }
    const tag = bytes[at] ?? 0;
    at += 1;
    if (tag === FIELD_TABLE || tag === FIELD_ARRAY) {
      const length = at + 4 <= top.end ? bytes.readUInt32BE(at) : 0;
      at += 4;
      if (!isHidden) pieces.push(tag === FIELD_TABLE ? '{' : '[');
      const end = Math.min(at + length, top.end);
      open.push({ end, names: tag === FIELD_TABLE ? new Set() : undefined, isEmpty: true, isHidden });
      continue;
    }
    const read = scalar(tag, bytes, at, top.end);
    if (!isHidden) pieces.push(read?.json ?? 'null');
    at = read ? read.end : top.end;
  }
  return pieces.join('');
}

const tagOf = (letter: string) => letter.charCodeAt(0);
const FIELD_TABLE = tagOf('F');
const FIELD_ARRAY = tagOf('A');

const sizes: Readonly<Record<string, number>> = {
  t: 1,
  b: 1,
  B: 1,
  s: 2,
  u: 2,
  I: 4,
  i: 4,
  l: 8,
  f: 4,
  d: 8,
  D: 5,
  T: 8,
  V: 0,
  S: 4,
  x: 4,
};

function scalar(tag: number, bytes: Buffer, at: number, limit: number): { json: string; end: number } | undefined {
  const letter = String.fromCharCode(tag);
  const size = sizes[letter];
  if (size === undefined || at + size > limit) return undefined;
  if (letter === 'S' || letter === 'x') {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > limit) return undefined;
    // Bytes are signed in Java: 0xc3 arrives as -61.
    const list = `[${new Int8Array(bytes.subarray(at + 4, end)).join(',')}]`;
    return { json: letter === 'S' ? `{"bytes":${list}}` : list, end };
  }
  return { json: fixed(letter, bytes, at), end: at + size };
}

function fixed(letter: string, bytes: Buffer, at: number): string {
  switch (letter) {
    case 't':
      return bytes[at] === 0 ? 'false' : 'true';
    case 'b':
      return String(bytes.readInt8(at));
    case 'B':
      return String(bytes.readUInt8(at));
    case 's':
      return String(bytes.readInt16BE(at));
    case 'u':
      return String(bytes.readUInt16BE(at));
    case 'I':
      return String(bytes.readInt32BE(at));
    case 'i':
      return String(bytes.readUInt32BE(at));
    case 'l':
      return String(bytes.readBigInt64BE(at));
    case 'f':
      return numberInEvent(shortestFloat(bytes.readFloatBE(at)));
    case 'd':
      return numberInEvent(bytes.readDoubleBE(at));
    case 'D':
      return String(Number(`${bytes.readInt32BE(at + 1)}e-${bytes[at]}`));
    case 'T':
      return JSON.stringify(javaDate(bytes.readBigInt64BE(at)));
    default:
      return 'null';
  }
}

/**
 * Converts a number to the JSON of the Lambda event. JSON cannot represent infinity or NaN, so these numbers become
 * `null`.
 */
const numberInEvent = (value: number) =>
  Object.is(value, -0) ? '-0.0' : Number.isFinite(value) ? String(value) : 'null';

function shortestFloat(value: number): number {
  for (let digits = 1; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}

// As in the documented sample, there is a plain space before AM and PM. JDK 20 and later would write U+202F.
const javaDateFormat = new Intl.DateTimeFormat('en-US', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' });

const LARGEST_DATE_SECONDS = 8.64e12;

function javaDate(epochSeconds: bigint): string {
  const ms = BigInt.asIntN(64, epochSeconds * 1_000n);
  const seconds = Number((ms - BigInt.asUintN(64, ((ms % 1_000n) + 1_000n) % 1_000n)) / 1_000n);
  // `Date` has a smaller range than Java's dates, and the calendar repeats every 400 years.
  const cycles = Math.abs(seconds) > LARGEST_DATE_SECONDS ? Math.floor(seconds / SECONDS_OF_400_YEARS) : 0;
  const text = javaDateFormat.format((seconds - cycles * SECONDS_OF_400_YEARS) * 1_000).replaceAll('\u202f', ' ');
  return cycles === 0 ? text : text.replace(/, (\d+),/, (_, year: string) => `, ${Number(year) + cycles * 400},`);
}
