/** A header as it stands in the event: the Java client's values, written as JSON by Gson. */
export type HeaderValue = null | boolean | number | string | HeaderValue[] | { [name: string]: HeaderValue };

// Java's bytes are signed: 0xc3 arrives as -61.
const signedBytes = (bytes: Uint8Array): number[] => Array.from(new Int8Array(bytes));

// Plain spaces, as the documented sample has them: a JDK from 20 on would put U+202F before AM and PM.
const javaDateFormat = new Intl.DateTimeFormat('en-US', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' });

/** Writes seconds since the epoch as Java's default US date format, or null where no date can hold them. */
export function javaDate(epochSeconds: number): string | null {
  const date = new Date(epochSeconds * 1000);
  return Number.isNaN(date.getTime()) ? null : javaDateFormat.format(date).replaceAll('\u202f', ' ');
}

/**
 * Maps a header value as amqplib decodes it to what the event source shows: strings become `{ bytes }` (signed),
 * byte arrays plain signed arrays, timestamps date strings, decimals numbers; tables and arrays nest.
 */
export function toHeaderValue(value: unknown): HeaderValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean' || typeof value === 'number') return value;
  if (typeof value === 'string') return { bytes: signedBytes(Buffer.from(value, 'utf8')) };
  if (value instanceof Uint8Array) return signedBytes(value);
  if (Array.isArray(value)) return value.map(toHeaderValue);
  if (isTagged(value, 'timestamp') && typeof value.value === 'number') return javaDate(value.value);
  if (isTagged(value, 'decimal')) {
    const { digits, places } = value.value as { digits: number; places: number };
    return Number(`${digits}e-${places}`);
  }
  return toHeaderTable(value as Record<string, unknown>);
}

/** Maps a table of headers, keeping the order in which the broker sent them. */
export function toHeaderTable(table: Record<string, unknown>): { [name: string]: HeaderValue } {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, toHeaderValue(value)]));
}

// amqplib marks the types that JavaScript has not with a key of "!".
function isTagged(value: unknown, tag: string): value is { '!': string; value: unknown } {
  return typeof value === 'object' && value !== null && (value as Record<string, unknown>)['!'] === tag;
}
