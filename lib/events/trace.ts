import { randomBytes } from 'node:crypto';

/**
 * The headers of W3C Trace Context and W3C Baggage. `tracestate` is valid only with a `traceparent`, and `baggage` is
 * independent of both.
 */
export interface Trace {
  readonly traceparent: string;
  readonly tracestate?: string;
  readonly baggage?: string;
}

/** The fields of the header `traceparent` (W3C Trace Context). `flags` are two hexadecimal digits. */
export interface Traceparent {
  readonly traceId: string;
  readonly parentId: string;
  readonly flags: string;
}

/**
 * The format of the header `traceparent`. Later versions may append fields to the four fields of version 00
 * (https://www.w3.org/TR/trace-context-2/#versioning-of-traceparent).
 */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The `traceparent` flags that version 00 defines: `sampled` and `random-trace-id`. */
const KNOWN_FLAGS = 0x03;
const SAMPLED = 0x01;

const hex = (bytes: number) => randomBytes(bytes).toString('hex');
const isZero = (id: string) => /^0+$/.test(id);
const trimmed = (text: string) => text.replace(/^[ \t]+|[ \t]+$/g, '');

/** Parses a `traceparent` header of any version. Returns `undefined` if the header is invalid. */
export function parseTraceparent(traceparent: string | undefined): Traceparent | undefined {
  if (traceparent === undefined) return undefined;
  const [, version, traceId = '', parentId = '', flags = '', more] = TRACEPARENT.exec(trimmed(traceparent)) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (isZero(traceId) || isZero(parentId)) return undefined;
  const known = Number.parseInt(flags, 16) & (version === '00' ? KNOWN_FLAGS : SAMPLED);
  return { traceId, parentId, flags: known.toString(16).padStart(2, '0') };
}

export const writeTraceparent = ({ traceId, parentId, flags }: Traceparent): string =>
  `00-${traceId}-${parentId}-${flags}`;

/**
 * Reads a trace from trace headers, and rewrites `traceparent` as version 00. Leaves out invalid headers, and leaves
 * out `tracestate` if there is no valid `traceparent`.
 */
export function readTrace({ traceparent, tracestate, baggage }: Partial<Trace>): Partial<Trace> {
  const parent = parseTraceparent(traceparent);
  return {
    ...(parent && { traceparent: writeTraceparent(parent), tracestate: readState(tracestate) }),
    baggage: readBaggage(baggage),
  };
}

/** Creates a new span in the given trace, or in a new trace if no trace is given. */
export function nextSpan({ traceparent, tracestate, baggage }: Partial<Trace>): Trace {
  const parent = parseTraceparent(traceparent);
  return {
    traceparent: writeTraceparent({ ...(parent ?? { traceId: hex(16), flags: '03' }), parentId: hex(8) }),
    tracestate: parent && readState(tracestate),
    baggage: readBaggage(baggage),
  };
}

/**
 * The format of the header `x-amzn-trace-id`, which API Gateway adds to each request
 * (https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader).
 */
const XRAY_ROOT = /(?:^|;)\s*Root=1-([0-9a-f]{8})-([0-9a-f]{24})(?:;|$)/i;
const XRAY_PARENT = /(?:^|;)\s*Parent=([0-9a-f]{16})(?:;|$)/i;
const XRAY_SAMPLED = /(?:^|;)\s*Sampled=1(?:;|$)/i;

/**
 * Converts an X-Ray trace header to a `traceparent`, with a random parent id if the header has none. Returns
 * `undefined` if the header has no valid trace id.
 */
export function fromXRay(header: string | undefined): string | undefined {
  if (!header) return undefined;
  const [, seconds, rest] = XRAY_ROOT.exec(header) ?? [];
  if (!seconds || !rest) return undefined;
  const [, parentId = hex(8)] = XRAY_PARENT.exec(header) ?? [];
  const flags = XRAY_SAMPLED.test(header) ? '01' : '00';
  const traceparent = writeTraceparent({ traceId: seconds + rest, parentId, flags }).toLowerCase();
  return parseTraceparent(traceparent) && traceparent;
}

/** Extracts the trace id and the span id, for log lines, from a valid `traceparent`. */
export const spanOf = (traceparent?: string): { readonly traceId?: string; readonly spanId?: string } =>
  traceparent ? { traceId: traceparent.slice(3, 35), spanId: traceparent.slice(36, 52) } : {};

/**
 * The format of one member of a `tracestate`: a key, `=` and a value (https://www.w3.org/TR/trace-context-2/#list-members).
 */
const MEMBER = /^([a-z0-9][a-z0-9_\-*/@]{0,255})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const MAX_MEMBERS = 32;

/**
 * The longest `tracestate` that Surehop passes on, in characters. W3C Trace Context requires passing on at least this
 * many.
 */
const MAX_STATE_LENGTH = 512;
const LONG_MEMBER = 128;

function readState(tracestate: string | undefined): string | undefined {
  if (!tracestate) return undefined;
  const members = tracestate.split(',', 4_096).map(trimmed).filter(Boolean);
  const keys = members.map((member) => MEMBER.exec(member)?.[1]);
  const isValid =
    members.length <= MAX_MEMBERS && keys.every((key) => key !== undefined) && new Set(keys).size === keys.length;
  if (!isValid) return undefined;
  while (lengthOf(members) > MAX_STATE_LENGTH) {
    const long = members.findLastIndex((member) => member.length > LONG_MEMBER);
    members.splice(long === -1 ? members.length - 1 : long, 1);
  }
  return members.join(',') || undefined;
}

const lengthOf = (members: readonly string[]) =>
  members.reduce((sum, member) => sum + member.length, Math.max(members.length - 1, 0));

/**
 * The longest `baggage` header that Surehop passes on, in bytes. W3C Baggage requires passing on at least this many.
 */
const MAX_BAGGAGE_BYTES = 8_192;

/** The characters of a `baggage` header: printable ASCII characters, spaces and tabs (https://www.w3.org/TR/baggage/). */
const BAGGAGE = /^[\t\x20-\x7e]+$/;

const readBaggage = (baggage = '') =>
  baggage.length <= MAX_BAGGAGE_BYTES && BAGGAGE.test(baggage) ? trimmed(baggage) || undefined : undefined;
