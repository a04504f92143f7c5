import { randomBytes } from 'node:crypto';

/** The two headers of W3C Trace Context. `tracestate` is valid only together with `traceparent`. */
export interface Trace {
  readonly traceparent: string;
  readonly tracestate?: string;
}

interface Parent {
  readonly traceId: string;
  readonly parentId: string;
  readonly flags: string;
}

/**
 * The format of a `traceparent`. Later versions of the standard may append fields after the four fields of version 00
 * (https://www.w3.org/TR/trace-context-2/#versioning-of-traceparent).
 */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The `traceparent` flags that version 00 defines: `sampled` and `random-trace-id`. */
const KNOWN_FLAGS = 0x03;
const SAMPLED = 0x01;

const hex = (bytes: number) => randomBytes(bytes).toString('hex');
const isZero = (id: string) => /^0+$/.test(id);
/** Removes the spaces and tabs that HTTP allows around a header value and around the members of a list. */
const trimmed = (text: string) => text.replace(/^[ \t]+|[ \t]+$/g, '');

/**
 * Parses a `traceparent` header of any version. Returns `undefined` if the header is invalid, and a new trace then
 * starts.
 */
function parse(traceparent: string | undefined): Parent | undefined {
  const [, version, traceId = '', parentId = '', flags = '', more] = TRACEPARENT.exec(trimmed(traceparent ?? '')) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (isZero(traceId) || isZero(parentId)) return undefined;
  const known = Number.parseInt(flags, 16) & (version === '00' ? KNOWN_FLAGS : SAMPLED);
  return { traceId, parentId, flags: known.toString(16).padStart(2, '0') };
}

const write = ({ traceId, parentId, flags }: Parent) => `00-${traceId}-${parentId}-${flags}`;

/** Reads a trace from its two headers and rewrites it as version 00. Returns `undefined` if the `traceparent` is invalid. */
export function readTrace(traceparent: string | undefined, tracestate: string | undefined): Trace | undefined {
  const parent = parse(traceparent);
  return parent && { traceparent: write(parent), tracestate: readState(tracestate) };
}

/** Creates a new span in the given trace, or in a new trace if no trace is given. */
export function nextSpan({ traceparent, tracestate }: Partial<Trace>): Trace {
  const parent = parse(traceparent);
  if (!parent) return { traceparent: write({ traceId: hex(16), parentId: hex(8), flags: '03' }) };
  return { traceparent: write({ ...parent, parentId: hex(8) }), tracestate: readState(tracestate) };
}

/** Returns the trace id in a `traceparent`, for use in logs. */
export const traceIdOf = (traceparent?: string): string | undefined => parse(traceparent)?.traceId;

/**
 * The format of one member of a `tracestate`: a key, `=` and a value (https://www.w3.org/TR/trace-context-2/#list-members).
 */
const MEMBER = /^([a-z0-9][a-z0-9_\-*/@]{0,255})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const MAX_MEMBERS = 32;

/** The longest `tracestate` that Surehop passes on, in characters. The standard requires passing on at least this many. */
const MAX_STATE_LENGTH = 512;
/** Members of a `tracestate` longer than this are dropped first, as the standard recommends. */
const LONG_MEMBER = 128;

/**
 * Returns the `tracestate` to pass on. Removes whole members if the `tracestate` is too long. Returns `undefined` if
 * the `tracestate` is empty or invalid.
 */
function readState(tracestate = ''): string | undefined {
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
