import { readJson, type ParsedJson } from '../runtime/json.ts';
import { kindOf } from '../runtime/kind-of.ts';
import { checkIdentity, isPlainText, MAX_NAME_BYTES, type Identity } from './identity.ts';
import { readDate, Structure } from './json-form.ts';
import type { HeaderValue, Message } from './message.ts';
import { deriveId } from './message-id.ts';

/**
 * A message that is marked as a CloudEvent
 * (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md). The attributes of
 * the CloudEvent may be invalid.
 */
export interface CloudEvent {
  /**
   * Returns the value of a CloudEvents attribute without validating or converting it, or `undefined` if the message
   * does not contain the attribute.
   */
  readonly attribute: (name: string) => unknown;
  /** The data of the CloudEvent. Absent in binary mode, because the body of the message then contains the data. */
  readonly data?: ParsedJson;
}

const PREFIXES = ['cloudEvents_', 'cloudEvents:'];

/** Reads a CloudEvent in structured or binary mode. Returns `undefined` if the message is not a CloudEvent. */
export function readCloudEvent({ properties, body }: Pick<Message, 'properties' | 'body'>): CloudEvent | undefined {
  const { contentType, headers } = properties;
  const format = typeof contentType === 'string' ? /^\s*application\/cloudevents([^;\s]*)/i.exec(contentType) : null;
  if (format) return structured(format[1]!.toLowerCase(), body);
  const prefix = PREFIXES.find((one) => `${one}specversion` in headers);
  return prefix === undefined ? undefined : { attribute: (name) => plain(ownValue(headers, prefix + name)) };
}

function structured(format: string, body: Buffer): CloudEvent {
  if (format !== '' && format !== '+json')
    return unreadable(`the CloudEvents format "application/cloudevents${format.slice(0, 40)}" is not supported`);
  const json = readJson(body, 'the body');
  if ('fault' in json) return unreadable(json.fault);
  const { value } = json;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return unreadable('the CloudEvent in the body is not a JSON object');
  const members = value as Readonly<Record<string, unknown>>;
  // A member with the value null is the same as an absent member, except for the data.
  return { attribute: (name) => ownValue(members, name) ?? undefined, data: readData(members) };
}

const unreadable = (fault: string): CloudEvent => ({ attribute: () => undefined, data: { fault } });

const ownValue = <T>(values: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(values, name) ? values[name] : undefined;

const MAX_DATE_SECONDS = 8.64e12;

function plain(value: HeaderValue | undefined): unknown {
  if (!(value instanceof Structure)) return value ?? undefined;
  const seconds = typeof value.json === 'string' ? readDate(value.json) : undefined;
  return seconds !== undefined && Math.abs(seconds) <= MAX_DATE_SECONDS
    ? new Date(seconds * 1_000).toISOString()
    : value;
}

const JSON_TYPE = /^\s*[^;\s/]+\/(?:[^;\s]+\+)?json\s*(?:;|$)/i;

/** Returns the data of a CloudEvent whose body is a JSON document (section 3.1.2 of the CloudEvents JSON event format). */
function readData(members: Readonly<Record<string, unknown>>): ParsedJson {
  const [data, base64, contentType] = ['data', 'data_base64', 'datacontenttype'].map((name) => ownValue(members, name));
  if (base64 === undefined || base64 === null) return { value: data };
  if (data !== undefined) return { fault: 'the CloudEvent has both data and data_base64' };
  const bytes = Buffer.from(typeof base64 === 'string' ? base64 : '', 'base64');
  // `Buffer.from` silently decodes only a part of invalid base64.
  if (bytes.toString('base64') !== base64) return { fault: 'data_base64 is not base64' };
  if (
    contentType === undefined ||
    contentType === null ||
    (typeof contentType === 'string' && JSON_TYPE.test(contentType))
  )
    return readJson(bytes, 'data_base64');
  return { fault: `data_base64 is not JSON, but ${JSON.stringify(contentType).slice(0, 60)}` };
}

/**
 * Returns the identity of a CloudEvent, or the reason why the CloudEvent is invalid. The message id combines the
 * attributes `source` and `id`, because neither is unique on its own.
 */
export function identityOfCloudEvent({ attribute }: CloudEvent): Identity | { readonly fault: string } {
  const required = { specversion: '', id: '', source: '', type: '' };
  for (const name of Object.keys(required) as (keyof typeof required)[]) {
    const value = attribute(name);
    if (value === undefined || value === '') return { fault: `the CloudEvent has no ${name}` };
    if (typeof value !== 'string')
      return { fault: `the attribute ${name} of the CloudEvent is ${kindOf(value)}, not a string` };
    required[name] = value;
  }
  const { specversion, id, source, type } = required;
  if (!/^1\.\d{1,3}$/.test(specversion))
    return { fault: `version ${JSON.stringify(specversion.slice(0, 20))} of CloudEvents is not supported` };
  if (!isPlainText(source + id)) return { fault: 'the source or id of the CloudEvent has invalid characters' };
  // Because a source never has a space, different pairs of source and id never give the same text.
  if (/\s/.test(source)) return { fault: 'the source of the CloudEvent is not a URI reference' };
  const whole = `${source} ${id}`;
  return checkIdentity({
    id: Buffer.byteLength(whole) <= MAX_NAME_BYTES ? whole : deriveId('cloudevent', source, id),
    type,
    version: versionOf(attribute('dataschema')),
  });
}

/**
 * Matches the version number at the end of the attribute `dataschema`, such as 2 in `…/order.created/v2`,
 * `…/order.created-v2.json` or `…/versions/2`.
 */
const SCHEMA_VERSION = /(?:[/.:#=_-]v|\bversions?[/=])(\d{1,9})(?:\.json)?\/?$/i;

function versionOf(dataschema: unknown): number | undefined {
  const version = typeof dataschema === 'string' ? Number(SCHEMA_VERSION.exec(dataschema)?.[1]) : 0;
  return version > 0 ? version : undefined;
}

/**
 * Returns when the event occurred, from the attribute `time` of the CloudEvent. Returns `undefined` if the attribute is
 * not a valid time (RFC 3339).
 */
export function timeOfCloudEvent({ attribute }: CloudEvent): string | undefined {
  const time = attribute('time');
  return typeof time === 'string' && /^\d{4}-/.test(time) && !Number.isNaN(Date.parse(time)) ? time : undefined;
}
