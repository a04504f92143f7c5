import { randomBytes } from 'node:crypto';

/** The two headers of W3C Trace Context; a `tracestate` is valid only together with its `traceparent`. */
export interface Trace {
  readonly traceparent: string;
  readonly tracestate?: string;
}

interface Parent {
  readonly traceId: string;
  readonly parentId: string;
  readonly flags: string;
}

/** Later versions may append fields after these four (https://www.w3.org/TR/trace-context-2/#versioning-of-traceparent). */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The flags that version 00 defines: sampled, and random trace id. */
const KNOWN_FLAGS = 0x03;
const SAMPLED = 0x01;

const hex = (bytes: number) => randomBytes(bytes).toString('hex');
const isZero = (id: string) => /^0+$/.test(id);
/** Without the white space that HTTP allows around a header and around a list member. */
const trimmed = (text: string) => text.replace(/^[ \t]+|[ \t]+$/g, '');

/** Parses a `traceparent` of any version; undefined if it is invalid, so that a new trace starts. */
function parse(traceparent: string | undefined): Parent | undefined {
  const [, version, traceId = '', parentId = '', flags = '', more] = TRACEPARENT.exec(trimmed(traceparent ?? '')) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (isZero(traceId) || isZero(parentId)) return undefined;
  const known = Number.parseInt(flags, 16) & (version === '00' ? KNOWN_FLAGS : SAMPLED);
  return { traceId, parentId, flags: known.toString(16).padStart(2, '0') };
}

const write = ({ traceId, parentId, flags }: Parent) => `00-${traceId}-${parentId}-${flags}`;

/** Reads the trace from its two headers and writes it as version 00; undefined if the `traceparent` is invalid. */
export function readTrace(traceparent: string | undefined, tracestate: string | undefined): Trace | undefined {
  const parent = parse(traceparent);
  return parent && { traceparent: write(parent), tracestate: readState(tracestate) };
}

/** A new span in the given trace, or in a new trace if none is given. */
export function nextSpan({ traceparent, tracestate }: Partial<Trace>): Trace {
  const parent = parse(traceparent);
  if (!parent) return { traceparent: write({ traceId: hex(16), parentId: hex(8), flags: '03' }) };
  return { traceparent: write({ ...parent, parentId: hex(8) }), tracestate: readState(tracestate) };
}

/** The trace id of a `traceparent`, for logs. */
export const traceIdOf = (traceparent?: string): string | undefined => parse(traceparent)?.traceId;

/** A list member: a key, `=` and a value (https://www.w3.org/TR/trace-context-2/#list-members). */
const MEMBER = /^([a-z0-9][a-z0-9_\-*/@]{0,255})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const MAX_MEMBERS = 32;

/** The characters of a `tracestate` that must be passed on at least; Surehop passes on no more. */
const MAX_STATE_LENGTH = 512;
/** Members longer than this are dropped first, as the specification asks. */
const LONG_MEMBER = 128;

/** The `tracestate` to pass on, shortened by whole members; undefined if it is empty or invalid. */
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
