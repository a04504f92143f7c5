import { isByteString, readDate, Structure } from '../events/json-form.ts';
import type { HeaderValue, Properties } from '../events/message.ts';
import { kindOf } from '../runtime/kind-of.ts';
import { tagOf, TOO_LARGE, UnwritableError, type AmqpWriter } from './amqp-writer.ts';

const OWN_HEADER_BYTES = 4_096;

/**
 * Writes the table of message headers. Calls `leaveOut` for each header that AMQP cannot encode or that does not fit.
 * If not all headers fit, Surehop's own headers have precedence.
 */
export function writeHeaders(
  writer: AmqpWriter,
  headers: Properties['headers'],
  leaveOut: (name: string, reason: string) => void,
): void {
  const lengthAt = writer.beginLength();
  const start = writer.at;
  const names = Object.keys(headers);
  const refused = new Set<string>();
  let fits = true;
  for (const name of names)
    tryEntry(writer, name, headers[name], (error) => {
      if (error === TOO_LARGE) fits = false;
      else {
        refused.add(name);
        leaveOut(name, error.message);
      }
    });
  if (!fits) {
    writer.at = start;
    for (const name of bySize(writer, names, headers))
      tryEntry(writer, name, headers[name], (error) => {
        if (!refused.has(name)) leaveOut(name, error.message);
      });
  }
  writer.endLength(lengthAt);
}

function bySize(writer: AmqpWriter, names: readonly string[], headers: Properties['headers']): string[] {
  return names
    .map((name) => ({ name, size: sizeOf(writer, name, headers[name]!) }))
    .map(({ name, size }) => ({ name, size: name.startsWith('surehop-') && size <= OWN_HEADER_BYTES ? 0 : size }))
    .toSorted((one, other) => one.size - other.size)
    .map(({ name }) => name);
}

function sizeOf(writer: AmqpWriter, name: string, value: HeaderValue): number {
  const before = writer.at;
  let size = Number.POSITIVE_INFINITY;
  if (tryEntry(writer, name, value, () => {})) size = writer.at - before;
  writer.at = before;
  return size;
}

function tryEntry(
  writer: AmqpWriter,
  name: string,
  value: HeaderValue | undefined,
  refuse: (error: UnwritableError) => void,
): boolean {
  const before = writer.at;
  try {
    writer.name(name);
    if (typeof value === 'string') writer.longString(value);
    else if (Buffer.isBuffer(value)) writer.bytes('S', value);
    else writeValue(writer, value instanceof Structure ? value.json : value);
    return true;
  } catch (error) {
    writer.at = before;
    if (!(error instanceof UnwritableError)) throw error;
    refuse(error);
    return false;
  }
}

export function encodedHeader(name: string, value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([Buffer.from([Buffer.byteLength(name)]), Buffer.from(`${name}S`), length, bytes]);
}

interface OpenStructure {
  readonly names?: readonly string[];
  readonly values: readonly unknown[];
  readonly lengthAt: number;
  next: number;
}

/**
 * Encodes a header value as AMQP, without recursion, because header values can be nested deeper than the call stack
 * allows.
 */
function writeValue(writer: AmqpWriter, root: unknown): void {
  const open: OpenStructure[] = [];
  let value = root;
  for (;;) {
    if (Array.isArray(value) && !isBinary(value)) open.push(beginStructure(writer, 'A', value));
    else if (typeof value === 'object' && value !== null && !Array.isArray(value) && !isByteString(value))
      open.push(beginStructure(writer, 'F', Object.values(value), Object.keys(value)));
    else writeScalar(writer, value);
    for (;;) {
      const top = open.at(-1);
      if (!top) return;
      if (top.next < top.values.length) {
        if (top.names) writer.name(top.names[top.next]!);
        value = top.values[top.next];
        top.next += 1;
        break;
      }
      writer.endLength(top.lengthAt);
      open.pop();
    }
  }
}

function beginStructure(
  writer: AmqpWriter,
  tag: 'A' | 'F',
  values: readonly unknown[],
  names?: readonly string[],
): OpenStructure {
  writer.need(5);
  writer.uint8(tagOf(tag));
  return { names, values, lengthAt: writer.beginLength(), next: 0 };
}

const MAX_NUMBER_LIST = 8;

const isBinary = (list: readonly unknown[]): list is readonly number[] =>
  list.length > MAX_NUMBER_LIST &&
  list.every((one) => Number.isInteger(one) && !Object.is(one, -0) && (one as number) >= -128 && (one as number) < 128);

function writeScalar(writer: AmqpWriter, value: unknown): void {
  switch (typeof value) {
    case 'number':
      return writer.number(value);
    case 'boolean':
      writer.need(2);
      writer.uint8(tagOf('t'));
      return writer.uint8(value ? 1 : 0);
    case 'string':
      return writeDate(writer, value);
    case 'object':
      if (value === null) {
        writer.need(1);
        return writer.uint8(tagOf('V'));
      }
      // `Buffer.from` stores a negative byte as its unsigned counterpart.
      if (Array.isArray(value)) return writer.bytes('x', Buffer.from(value as number[]));
      return writer.bytes('S', Buffer.from((value as { bytes: number[] }).bytes));
  }
  throw new UnwritableError(
    `AMQP headers cannot contain ${kindOf(value)}, only text, numbers, booleans, dates, binary data, null, arrays and objects`,
  );
}

function writeDate(writer: AmqpWriter, text: string): void {
  const seconds = readDate(text);
  if (seconds === undefined) throw new UnwritableError(notADate(text));
  writer.need(9);
  writer.uint8(tagOf('T'));
  writer.int64(BigInt(seconds));
}

export const notADate = (text: string): string => `${JSON.stringify(text.slice(0, 40))} is not a date from 1583 on`;
