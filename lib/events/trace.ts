import { randomBytes } from 'node:crypto';

/** The two headers of W3C Trace Context; a `tracestate` belongs to its `traceparent`, and is worth nothing without it. */
export interface Trace {
  readonly traceparent: string;
  readonly tracestate?: string;
}

interface Parent {
  readonly traceId: string;
  readonly parentId: string;
  readonly flags: string;
}

/** Fields after these four are for versions that are not known yet (https://www.w3.org/TR/trace-context-2/#versioning-of-traceparent). */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The flags that version 00 defines: sampled, and that the trace id is random. */
const KNOWN_FLAGS = 0x03;
const SAMPLED = 0x01;

const hex = (bytes: number) => randomBytes(bytes).toString('hex');
const isZero = (id: string) => /^0+$/.test(id);
/** White space around a header, or around a member of a list. */
const trimmed = (text: string) => text.replace(/^[ \t]+|[ \t]+$/g, '');

/** What a `traceparent` of any version says; undefined where it cannot be used, so that the trace begins anew. */
function parse(traceparent: string | undefined): Parent | undefined {
  const [, version, traceId = '', parentId = '', flags = '', more] = TRACEPARENT.exec(trimmed(traceparent ?? '')) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (isZero(traceId) || isZero(parentId)) return undefined;
  const known = Number.parseInt(flags, 16) & (version === '00' ? KNOWN_FLAGS : SAMPLED);
  return { traceId, parentId, flags: known.toString(16).padStart(2, '0') };
}

const write = ({ traceId, parentId, flags }: Parent) => `00-${traceId}-${parentId}-${flags}`;

/** The trace that two headers name, as version 00 writes it; undefined where the `traceparent` cannot be used. */
export function readTrace(traceparent: string | undefined, tracestate: string | undefined): Trace | undefined {
  const parent = parse(traceparent);
  return parent && { traceparent: write(parent), tracestate: readState(tracestate) };
}

/** The trace of a step that the one named by `from` led to; of a new trace where it names none. */
export function nextSpan({ traceparent, tracestate }: Partial<Trace>): Trace {
  const parent = parse(traceparent);
  if (!parent) return { traceparent: write({ traceId: hex(16), parentId: hex(8), flags: '03' }) };
  return { traceparent: write({ ...parent, parentId: hex(8) }), tracestate: readState(tracestate) };
}

/** The trace id within a `traceparent`, for logs. */
export const traceIdOf = (traceparent?: string): string | undefined => parse(traceparent)?.traceId;

/** A key, `=` and a value (https://www.w3.org/TR/trace-context-2/#list-members). */
const MEMBER = /^([a-z0-9][a-z0-9_\-*/@]{0,255})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const MAX_MEMBERS = 32;

/** What is passed on at least of a `tracestate`, in characters; here it is the most, too. */
const MAX_STATE_LENGTH = 512;
/** Members that are longer go first. */
const LONG_MEMBER = 128;

/** A `tracestate` as it is passed on, cut to whole members; undefined where it is empty or not one. */
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
