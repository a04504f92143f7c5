import { isUtf8 } from 'node:buffer';

import type { Headers, HeaderValue } from './message.ts';

/**
 * A header value that is a list, a table or a date, in the JSON notation of the Lambda event. The value is copied
 * without being parsed, because it may be nested very deeply.
 */
export class Structure {
  readonly json: unknown;

  constructor(json: unknown) {
    this.json = json;
  }
}

/** Decodes the message headers of a Lambda event, in which strings are `{ bytes: [...] }` and dates are strings. */
export function decodeHeaders(headers: unknown): Headers {
  if (!isTable(headers)) return {};
  // Unlike an assignment, `Object.fromEntries` treats a header named `__proto__` like any other header.
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

/** Encodes a header value in the notation of the Lambda event. This function is the inverse of `decodeHeaders`. */
export function headerInEvent(value: HeaderValue): unknown {
  if (value instanceof Structure) return value.json;
  if (typeof value === 'string') return { bytes: [...new Int8Array(Buffer.from(value))] };
  if (Buffer.isBuffer(value)) return { bytes: [...new Int8Array(value)] };
  return value;
}

/**
 * Writes JSON like `JSON.stringify`, but without recursion, which fails for values that are nested thousands of levels
 * deep.
 */
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

const MAX_LEVELS = 20;

/**
 * Converts a header value for display: bytes become text, or `{ $base64 }` if they are not UTF-8. A value nested more
 * than twenty levels deep becomes "…".
 */
export function plainOf(value: HeaderValue): unknown {
  if (Buffer.isBuffer(value)) return { $base64: value.toString('base64') };
  return value instanceof Structure ? plainStructure(value.json, MAX_LEVELS) : value;
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
  // The event source writes signed bytes. A list of unsigned bytes counts as text only if it is valid UTF-8.
  return most < 128 || (least >= 0 && isUtf8(Buffer.from(bytes as number[])));
}

const MAX_ARGUMENTS = 1_024;

const isAscii = (byte: number) => byte >= 0 && byte < 0x80;

function decodeBytes(bytes: readonly number[]): string | Buffer {
  // Most strings are short and ASCII, and decoding those through a buffer takes four times as long.
  if (bytes.length <= MAX_ARGUMENTS && bytes.every(isAscii)) return String.fromCharCode(...bytes);
  // `Buffer.from` stores a negative byte as its unsigned counterpart.
  const buffer = Buffer.from(bytes as number[]);
  return isUtf8(buffer) ? buffer.toString() : buffer;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const DATE = /^([A-Z][a-z]{2}) (\d{1,2}), (\d{1,9}), (\d{1,2}):(\d\d):(\d\d)[ \u202f]([AP])M$/;

/** The first full year of the Gregorian calendar. `readDate` does not parse earlier dates. */
const FIRST_YEAR = 1583;

/**
 * Parses a date of the Lambda event, such as `Nov 22, 2026, 12:00:05 PM` (UTC), and returns seconds since the epoch.
 * Returns `undefined` for any other text and for dates before 1583.
 */
export function readDate(text: string): number | undefined {
  const [, monthName = '', ...rest] = DATE.exec(text) ?? [];
  const month = MONTHS.indexOf(monthName);
  const [day, year, hour, minute, second] = rest.slice(0, 5).map(Number) as [number, number, number, number, number];
  if (month < 0 || year < FIRST_YEAR || day < 1 || day > 31 || hour < 1 || hour > 12) return undefined;
  if (minute > 59 || second > 59) return undefined;
  // `Date` has a smaller range than Java's dates, and the calendar repeats every 400 years.
  const cycles = Math.floor((year - 2_000) / 400);
  const base = new Date(
    Date.UTC(year - cycles * 400, month, day, (hour % 12) + (rest[5] === 'P' ? 12 : 0), minute, second),
  );
  if (base.getUTCDate() !== day) return undefined;
  return base.getTime() / 1_000 + cycles * SECONDS_OF_400_YEARS;
}

export const SECONDS_OF_400_YEARS = 12_622_780_800;
