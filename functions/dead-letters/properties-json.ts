import type { HeaderValue, Properties } from '../../lib/broker/message.ts';

/** A header value as JSON; what JSON has no word for stands in an object with one member of a name that starts with `$`. */
type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/** AMQP properties as JSON text that can be read back without a loss: bytes stay bytes, numbers numbers. */
export const writeProperties = ({ headers, ...rest }: Properties): string =>
  JSON.stringify({ ...rest, headers: mapValues(headers, toJson) });

export function readProperties(json: string): Properties {
  const { headers, ...rest } = JSON.parse(json) as Omit<Properties, 'headers'> & { headers: Record<string, JsonValue> };
  return { ...rest, headers: mapValues(headers, fromJson) };
}

/** A header as a client is shown it, and as it is stored. */
export function toJson(value: HeaderValue): JsonValue {
  if (Buffer.isBuffer(value)) return { $base64: value.toString('base64') };
  if (Array.isArray(value)) return value.map(toJson);
  if (!isTable(value)) return value;
  const table = mapValues(value as Record<string, HeaderValue>, toJson);
  return isMarked(table) ? { $table: table } : table;
}

function fromJson(value: JsonValue): HeaderValue {
  if (Array.isArray(value)) return value.map(fromJson);
  if (!isTable(value)) return value;
  const table = value as Record<string, JsonValue>;
  if (!isMarked(table)) return mapValues(table, fromJson);
  return typeof table.$base64 === 'string'
    ? Buffer.from(table.$base64, 'base64')
    : mapValues(table.$table as Record<string, JsonValue>, fromJson);
}

/** A table of the publisher's that could be taken for one of ours is wrapped, so that it cannot. */
const isMarked = (table: Record<string, unknown>) => {
  const names = Object.keys(table);
  return names.length === 1 && (names[0] === '$base64' || names[0] === '$table');
};

const isTable = (value: unknown): value is object => typeof value === 'object' && value !== null;

const mapValues = <From, To>(table: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(table).map(([name, value]) => [name, map(value)]));
