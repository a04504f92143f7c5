import { isUtf8 } from 'node:buffer';

import type { Headers, HeaderValue } from './message.ts';

/**
 * A header that is a list, a table or a date, as the event showed it. It may nest as deep as a frame allows, so it is
 * carried on as it is; `plainOf` reads it.
 */
export class Structure {
  readonly json: unknown;

  constructor(json: unknown) {
    this.json = json;
  }
}

/** Decodes the headers of an event. Strings arrive as `{ bytes: [...] }`, dates as strings, the rest as itself. */
export function decodeHeaders(headers: unknown): Headers {
  if (!isTable(headers)) return {};
  // `fromEntries` makes a header named `__proto__` a property like any other.
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, decodeHeader(value)]));
}

function decodeHeader(value: unknown): HeaderValue {
  switch (typeof value) {
    case 'number':
    case 'boolean':
      return value;
    case 'object':
      if (value === null) return null;
      if (isByteString(value)) return decodeBytes(value.bytes);
  }
  return new Structure(value);
}

/** Writes a header back the way the event shows it: the inverse of decoding. */
export function headerInEvent(value: HeaderValue): unknown {
  if (value instanceof Structure) return value.json;
  if (typeof value === 'string') return { bytes: [...new Int8Array(Buffer.from(value))] };
  if (Buffer.isBuffer(value)) return { bytes: [...new Int8Array(value)] };
  return value;
}

/** JSON without recursion: `JSON.stringify` fails for values that nest a few thousand levels. */
export function writeJson(root: unknown): string {
  const pieces: string[] = [];
  const open: { readonly entries: readonly (readonly [string, unknown])[]; readonly end: string; next: number }[] = [];
  let value = root;
  for (;;) {
    if (Array.isArray(value)) {
      pieces.push('[');
      open.push({ entries: value.map((one) => ['', one]), end: ']', next: 0 });
    } else if (isTable(value)) {
      pieces.push('{');
      const entries = Object.entries(value).filter(([, one]) => isJson(one));
      open.push({ entries: entries.map(([name, one]) => [`${JSON.stringify(name)}:`, one]), end: '}', next: 0 });
    } else pieces.push(Object.is(value, -0) ? '-0' : isJson(value) ? JSON.stringify(value) : 'null');
    for (;;) {
      const top = open.at(-1);
      if (!top) return pieces.join('');
      const entry = top.entries[top.next];
      if (entry) {
        pieces.push(top.next > 0 ? `,${entry[0]}` : entry[0]);
        top.next += 1;
        value = entry[1];
        break;
      }
      pieces.push(top.end);
      open.pop();
    }
  }
}

const isJson = (value: unknown) => value !== undefined && !['function', 'symbol', 'bigint'].includes(typeof value);

/** Levels of a structure that are read. */
const READ_LEVELS = 20;

/**
 * A header as plain values for people and for code that looks into it: text as text, other bytes as `{ $base64 }`.
 * Deeper levels than the twentieth are left out.
 */
export function plainOf(value: HeaderValue): unknown {
  if (Buffer.isBuffer(value)) return { $base64: value.toString('base64') };
  return value instanceof Structure ? plainStructure(value.json, READ_LEVELS) : value;
}

function plainStructure(json: unknown, levels: number): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (isByteString(json)) return plainOf(decodeBytes(json.bytes));
  if (levels === 0) return '…';
  if (Array.isArray(json)) return json.map((one) => plainStructure(one, levels - 1));
  return Object.fromEntries(Object.entries(json).map(([name, one]) => [name, plainStructure(one, levels - 1)]));
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether a value of the event is an AMQP long string: a table with nothing but a list of bytes named `bytes`. */
export function isByteString(value: object): value is { readonly bytes: readonly number[] } {
  const { bytes } = value as { bytes?: unknown };
  if (!Array.isArray(bytes) || Object.keys(value).length !== 1) return false;
  let least = 0;
  let most = 0;
  for (const byte of bytes as unknown[]) {
    if (!Number.isInteger(byte)) return false;
    if ((byte as number) < least) least = byte as number;
    if ((byte as number) > most) most = byte as number;
  }
  if (least < -128 || most > 255) return false;
  // The event source writes signed bytes. A list of unsigned ones is taken for text only where it reads as text.
  return most < 128 || (least >= 0 && isUtf8(Buffer.from(bytes as number[])));
}

/** As many arguments as any engine takes. */
const MAX_SHORT = 1_024;

const isAscii = (byte: number) => byte >= 0 && byte < 0x80;

function decodeBytes(bytes: readonly number[]): string | Buffer {
  // Nearly all are short and ASCII, for which a buffer of their own costs four times as much.
  if (bytes.length <= MAX_SHORT && bytes.every(isAscii)) return String.fromCharCode(...bytes);
  // Negative ones wrap round.
  const buffer = Buffer.from(bytes as number[]);
  return isUtf8(buffer) ? buffer.toString() : buffer;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const DATE = /^([A-Z][a-z]{2}) (\d{1,2}), (\d{1,9}), (\d{1,2}):(\d\d):(\d\d)[ \u202f]([AP])M$/;

/** Before this year Java writes dates of the Julian calendar, and years before Christ like those after. */
const FIRST_YEAR = 1583;

/**
 * Reads a date as the event source writes it, `Nov 22, 2026, 12:00:05 PM` in UTC, in seconds since the epoch. Undefined
 * where the text is no such date, or is ambiguous because it lies before 1583.
 */
export function readDate(text: string): number | undefined {
  const [, monthName = '', ...rest] = DATE.exec(text) ?? [];
  const month = MONTHS.indexOf(monthName);
  const [day, year, hour, minute, second] = rest.slice(0, 5).map(Number) as [number, number, number, number, number];
  if (month < 0 || year < FIRST_YEAR || day < 1 || day > 31 || hour < 1 || hour > 12) return undefined;
  if (minute > 59 || second > 59) return undefined;
  // The calendar repeats itself every 400 years, and `Date` ends long before Java's dates do.
  const cycles = Math.floor((year - 2_000) / 400);
  const base = new Date(
    Date.UTC(year - cycles * 400, month, day, (hour % 12) + (rest[5] === 'P' ? 12 : 0), minute, second),
  );
  if (base.getUTCDate() !== day) return undefined;
  return base.getTime() / 1_000 + cycles * SECONDS_OF_400_YEARS;
}

/** 146,097 days. */
export const SECONDS_OF_400_YEARS = 12_622_780_800;
