import { PublishError } from '../runtime/errors.ts';
import { isByteString, readDate, Structure } from '../events/json-form.ts';
import type { HeaderValue, Message, Properties } from '../events/message.ts';

/** A part of a message that AMQP has no bytes for, and why. */
export interface Unwritable {
  readonly part: 'header' | 'property' | 'address';
  readonly name: string;
  readonly why: string;
}

/** Bytes of a frame that RabbitMQ takes where nobody says otherwise; all properties must fit into one. */
const FRAME_BYTES = 131_072;

const FRAME_HEADER_BYTES = 7;
const FRAME_OVERHEAD_BYTES = 8;
const FRAME_END = 0xce;
const SHORT_BYTES = 255;

/** What of the message cannot be written, apart from sending it. Whatever an event holds may stand in the message. */
export function unwritableParts(message: Message, frameBytes = FRAME_BYTES): Unwritable[] {
  const faults: Unwritable[] = [];
  writeFrames(message, 0, frameBytes, faults);
  return faults;
}

/** The message without the headers and properties that are named; its address stays. */
export function withoutParts<M extends Pick<Message, 'properties'>>(message: M, parts: readonly Unwritable[]): M {
  const named = (wanted: Unwritable['part']) =>
    new Set(parts.flatMap(({ part, name }) => (part === wanted ? [name] : [])));
  const [headers, properties] = [named('header'), named('property')];
  const keep = (all: object, left: ReadonlySet<string>) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !left.has(name)));
  const kept = { ...keep(message.properties, properties), headers: keep(message.properties.headers, headers) };
  return { ...message, properties: kept };
}

/** Parts and reasons as a person reads them, at most 900 characters. */
export function describeParts(parts: readonly Unwritable[]): string {
  const texts = parts.map(({ part, name, why }) =>
    part === 'header' ? `header ${JSON.stringify(name.slice(0, 60))} (${why})` : `${name} (${why})`,
  );
  const shown: string[] = [];
  let length = 0;
  for (const text of texts) {
    length += text.length + 2;
    if (length > 850) break;
    shown.push(text);
  }
  const more = texts.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/**
 * The frames of a publish on a channel, each piece to be written at once. Throws a `PublishError` that names what cannot be
 * written; nothing was sent then.
 */
export function encodePublish(message: Message, channel: number, frameBytes: number): Buffer[] {
  const faults: Unwritable[] = [];
  const end = writeFrames(message, channel, frameBytes, faults);
  if (faults.length > 0) throw new PublishError('UNWRITABLE', `AMQP cannot carry ${describeParts(faults)}`);
  const { body } = message;
  const chunkBytes = frameBytes - FRAME_OVERHEAD_BYTES;
  const first = Math.min(body.length, chunkBytes);
  // What fits into one frame goes out in one piece, which is most messages.
  const isWhole = body.length > 0 && first === body.length && first < ONE_PIECE_BYTES;
  const head = Buffer.allocUnsafe(end + (isWhole ? first + FRAME_OVERHEAD_BYTES : 0));
  scratch.copy(head, 0, 0, end);
  if (isWhole) writeBodyFrame(head, end, channel, body);
  if (isWhole || body.length === 0) return [head];
  const pieces = [head];
  for (let at = 0; at < body.length; at += chunkBytes) {
    const chunk = body.subarray(at, at + chunkBytes);
    const frame = Buffer.allocUnsafe(chunk.length + FRAME_OVERHEAD_BYTES);
    writeBodyFrame(frame, 0, channel, chunk);
    pieces.push(frame);
  }
  return pieces;
}

const ONE_PIECE_BYTES = 65_536;

function writeBodyFrame(into: Buffer, at: number, channel: number, chunk: Buffer): void {
  into[at] = 3;
  into.writeUInt16BE(channel, at + 1);
  into.writeUInt32BE(chunk.length, at + 3);
  chunk.copy(into, at + FRAME_HEADER_BYTES);
  into[at + FRAME_HEADER_BYTES + chunk.length] = FRAME_END;
}

/** Method and properties are written here first, and copied to a buffer of their size. */
const scratch = Buffer.allocUnsafeSlow(FRAME_BYTES + 4_096);
let at = 0;
/** Where the property frame must end. */
let limit = 0;

/** Thrown within this module: why a value cannot be written. */
class CannotWrite extends Error {}

/** Thrown within this module: the value would go past the limit. */
const FULL = new CannotWrite('too large: all properties of a message must fit into one frame');

const PROPERTY_FLAGS = {
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

const PERSISTENT = 2;

/** Writes the method and the property frame to the scratch; returns where they end. What cannot be written is left out and noted. */
function writeFrames(message: Message, channel: number, frameBytes: number, faults: Unwritable[]): number {
  const { exchange, routingKey, body, properties } = message;
  at = 0;
  limit = Number.POSITIVE_INFINITY;
  // basic.publish: class 60, method 40, a reserved short, the address, and the bit for `mandatory`.
  const method = beginFrame(1, channel);
  writeUInt32((60 << 16) | 40);
  writeUInt16(0);
  writeShort(exchange, 'address', 'exchange', faults);
  writeShort(routingKey, 'address', 'routing key', faults);
  scratch[at++] = 1;
  endFrame(method);

  const frame = beginFrame(2, channel);
  writeUInt32(60 << 16);
  writeUInt32(Math.floor(body.length / 2 ** 32));
  writeUInt32(body.length % 2 ** 32);
  const flagsAt = at;
  at += 2;
  let flags: number = PROPERTY_FLAGS.headers | PROPERTY_FLAGS.deliveryMode;
  const short = (name: keyof Properties & keyof typeof PROPERTY_FLAGS) => {
    const value: unknown = properties[name];
    if (value !== undefined && value !== null && writeShort(value, 'property', name, faults))
      flags |= PROPERTY_FLAGS[name];
  };
  short('contentType');
  short('contentEncoding');
  // The other properties are at most nine bytes and five short strings.
  const most = Math.min(frameBytes, FRAME_BYTES);
  limit = frame + most - 1 - 10 - shortBytes(properties);
  writeHeaders(properties.headers, faults);
  limit = Number.POSITIVE_INFINITY;
  scratch[at++] = PERSISTENT;
  const { priority, timestamp } = properties as { priority?: unknown; timestamp?: unknown };
  if (priority !== undefined && priority !== null) {
    if (Number.isInteger(priority) && (priority as number) >= 0 && (priority as number) <= 255) {
      flags |= PROPERTY_FLAGS.priority;
      scratch[at++] = priority as number;
    } else note(faults, 'property', 'priority', 'not a whole number from 0 to 255');
  }
  short('correlationId');
  short('replyTo');
  short('messageId');
  if (timestamp !== undefined && timestamp !== null) {
    if (Number.isSafeInteger(timestamp)) {
      flags |= PROPERTY_FLAGS.timestamp;
      writeInt64(BigInt(timestamp as number));
    } else
      note(
        faults,
        'property',
        'timestamp',
        typeof timestamp === 'string' ? noDate(timestamp) : 'not a whole number of seconds',
      );
  }
  short('type');
  short('appId');
  scratch.writeUInt16BE(flags, flagsAt);
  endFrame(frame);
  return at;
}

/** At most so many bytes take the short strings that come after the headers. */
function shortBytes({ correlationId, replyTo, messageId, type, appId }: Properties): number {
  let bytes = 0;
  for (const text of [correlationId, replyTo, messageId, type, appId] as unknown[])
    if (typeof text === 'string') bytes += 1 + Math.min(text.length * 3, SHORT_BYTES);
  return bytes;
}

function note(faults: Unwritable[], part: Unwritable['part'], name: string, why: string): false {
  faults.push({ part, name, why });
  return false;
}

/** Writes a short string; `false`, and noted, where it is none. */
function writeShort(value: unknown, part: Unwritable['part'], name: string, faults: Unwritable[]): boolean {
  if (typeof value !== 'string') return note(faults, part, name, `${kindOf(value)} instead of text`);
  const length = Buffer.byteLength(value);
  if (length > SHORT_BYTES) return note(faults, part, name, `${length} bytes are more than ${SHORT_BYTES}`);
  // UTF-8 would change it, and whoever looks for the message by this text would not find it.
  if (length !== value.length && LONE_SURROGATE.test(value)) return note(faults, part, name, 'not Unicode text');
  scratch[at] = length;
  at += 1 + scratch.write(value, at + 1);
  return true;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

const kindOf = (value: unknown) => (value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`);

const noDate = (text: string) => `${JSON.stringify(text.slice(0, 40))} is not a date from 1583 on`;

/** Writes the table of headers: ours first, then as many of the others as fit, the small ones before the large. */
function writeHeaders(headers: Properties['headers'], faults: Unwritable[]): void {
  const lengthAt = at;
  at += 4;
  const names = Object.keys(headers);
  if (!writeEntries(names, headers, faults)) {
    at = lengthAt + 4;
    const noted = new Set(faults.flatMap(({ part, name }) => (part === 'header' ? [name] : [])));
    const bySize = names
      .map((name) => ({ name, size: sizeOf(name, headers[name]!) }))
      .map(({ name, size }) => ({ name, size: name.startsWith('surehop-') && size <= OUR_LARGEST_BYTES ? 0 : size }))
      .toSorted((one, other) => one.size - other.size);
    for (const { name } of bySize) {
      const before = at;
      try {
        writeEntry(name, headers[name]);
      } catch (error) {
        at = before;
        if (!(error instanceof CannotWrite)) throw error;
        if (!noted.has(name)) note(faults, 'header', name, error.message);
      }
    }
  }
  scratch.writeUInt32BE(at - lengthAt - 4, lengthAt);
}

/** No header that this toolkit writes is larger. */
const OUR_LARGEST_BYTES = 4_096;

/** `false` where not all of them fit. */
function writeEntries(names: readonly string[], headers: Properties['headers'], faults: Unwritable[]): boolean {
  let fits = true;
  for (const name of names) {
    const before = at;
    try {
      writeEntry(name, headers[name]);
    } catch (error) {
      at = before;
      if (!(error instanceof CannotWrite)) throw error;
      if (error === FULL) fits = false;
      else note(faults, 'header', name, error.message);
    }
  }
  return fits;
}

/** What the entry takes where nothing else stands before it; endless where it fits nowhere. */
function sizeOf(name: string, value: HeaderValue): number {
  const before = at;
  try {
    writeEntry(name, value);
    return at - before;
  } catch {
    return Number.POSITIVE_INFINITY;
  } finally {
    at = before;
  }
}

function writeEntry(name: string, value: HeaderValue | undefined): void {
  writeName(name);
  if (typeof value === 'string') writeText(value);
  else if (Buffer.isBuffer(value)) writeBytes(LONG_STRING, value);
  else writeValue(value instanceof Structure ? value.json : value);
}

function writeName(name: string): void {
  const length = Buffer.byteLength(name);
  if (length > SHORT_BYTES) throw new CannotWrite(`a name of ${length} bytes, more than ${SHORT_BYTES}`);
  if (length !== name.length && LONE_SURROGATE.test(name)) throw new CannotWrite('a name that is not Unicode text');
  need(1 + length);
  scratch[at] = length;
  at += 1 + scratch.write(name, at + 1);
}

interface Open {
  /** The names of a table, in the order of `values`. */
  readonly names?: readonly string[];
  readonly values: readonly unknown[];
  readonly lengthAt: number;
  next: number;
}

/** Writes a value of the event, as deep as it nests: the stack is a list of its own. */
function writeValue(root: unknown): void {
  const open: Open[] = [];
  let value = root;
  for (;;) {
    if (Array.isArray(value) && !isBinary(value)) open.push(beginStructure(FIELD_ARRAY, value));
    else if (typeof value === 'object' && value !== null && !Array.isArray(value) && !isByteString(value))
      open.push(beginStructure(FIELD_TABLE, Object.values(value), Object.keys(value)));
    else writeScalar(value);
    for (;;) {
      const top = open.at(-1);
      if (!top) return;
      if (top.next < top.values.length) {
        if (top.names) writeName(top.names[top.next]!);
        value = top.values[top.next];
        top.next += 1;
        break;
      }
      scratch.writeUInt32BE(at - top.lengthAt - 4, top.lengthAt);
      open.pop();
    }
  }
}

function beginStructure(tag: number, values: readonly unknown[], names?: readonly string[]): Open {
  need(5);
  scratch[at] = tag;
  const lengthAt = at + 1;
  at += 5;
  return { names, values, lengthAt, next: 0 };
}

/** Longer lists of bytes than this are written as bytes. */
const MAX_BYTE_LIST = 8;

/**
 * An event shows a list of small numbers and a byte array alike, so either may be written. A short one is more likely a list;
 * a long one must not take twice the bytes that it came with.
 */
const isBinary = (list: readonly unknown[]): list is readonly number[] =>
  list.length > MAX_BYTE_LIST &&
  list.every((one) => Number.isInteger(one) && !Object.is(one, -0) && (one as number) >= -128 && (one as number) < 128);

const tagOf = (letter: string) => letter.charCodeAt(0);
const LONG_STRING = tagOf('S');
const BYTE_ARRAY = tagOf('x');
const FIELD_TABLE = tagOf('F');
const FIELD_ARRAY = tagOf('A');

function writeScalar(value: unknown): void {
  switch (typeof value) {
    case 'number':
      return writeNumber(value);
    case 'boolean':
      need(2);
      scratch[at++] = tagOf('t');
      scratch[at++] = value ? 1 : 0;
      return;
    case 'string': {
      const seconds = readDate(value);
      if (seconds === undefined) throw new CannotWrite(noDate(value));
      need(9);
      scratch[at++] = tagOf('T');
      return writeInt64(BigInt(seconds));
    }
    case 'object':
      if (value === null) {
        need(1);
        scratch[at++] = tagOf('V');
        return;
      }
      // Negative bytes wrap round.
      if (Array.isArray(value)) return writeBytes(BYTE_ARRAY, Buffer.from(value as number[]));
      return writeBytes(LONG_STRING, Buffer.from((value as { bytes: number[] }).bytes));
  }
  throw new CannotWrite(`${kindOf(value)}, which no header can hold`);
}

/** Writes the smallest integer type that holds the number, else a double: what the event shows is the same. */
function writeNumber(value: number): void {
  if (!Number.isFinite(value)) throw new CannotWrite(`the number ${value}`);
  need(9);
  if (!Number.isInteger(value) || Object.is(value, -0) || value < -(2 ** 63) || value >= 2 ** 63) {
    scratch[at] = tagOf('d');
    at = scratch.writeDoubleBE(value, at + 1);
  } else if (value >= -128 && value < 128) {
    scratch[at] = tagOf('b');
    at = scratch.writeInt8(value, at + 1);
  } else if (value >= -0x8000 && value < 0x8000) {
    scratch[at] = tagOf('s');
    at = scratch.writeInt16BE(value, at + 1);
  } else if (value >= -0x80000000 && value < 0x80000000) {
    scratch[at] = tagOf('I');
    at = scratch.writeInt32BE(value, at + 1);
  } else {
    scratch[at++] = tagOf('l');
    writeInt64(BigInt(value));
  }
}

function writeText(text: string): void {
  // Three bytes a character are the most: most texts are known to fit without being measured.
  need(5 + (at + 5 + text.length * 3 <= limit ? 0 : Buffer.byteLength(text)));
  scratch[at] = LONG_STRING;
  const length = scratch.write(text, at + 5);
  scratch.writeUInt32BE(length, at + 1);
  at += 5 + length;
}

function writeBytes(tag: number, bytes: Buffer): void {
  need(5 + bytes.length);
  scratch[at] = tag;
  scratch.writeUInt32BE(bytes.length, at + 1);
  bytes.copy(scratch, at + 5);
  at += 5 + bytes.length;
}

function need(bytes: number): void {
  if (at + bytes > limit) throw FULL;
}

function writeUInt16(value: number): void {
  at = scratch.writeUInt16BE(value, at);
}

function writeUInt32(value: number): void {
  at = scratch.writeUInt32BE(value >>> 0, at);
}

/** As its 64 bits are: a negative one wraps round, which Java's client reads back as negative. */
function writeInt64(value: bigint): void {
  at = scratch.writeBigUInt64BE(BigInt.asUintN(64, value), at);
}

/** Begins a frame and returns where it begins. */
function beginFrame(type: number, channel: number): number {
  const start = at;
  scratch[at++] = type;
  writeUInt16(channel);
  at += 4;
  return start;
}

function endFrame(start: number): void {
  scratch.writeUInt32BE(at - start - FRAME_HEADER_BYTES, start + 3);
  scratch[at++] = FRAME_END;
}
