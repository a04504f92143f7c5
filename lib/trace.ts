import { randomBytes } from 'node:crypto';

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

const hex = (bytes: number) => randomBytes(bytes).toString('hex');

/**
 * The W3C `traceparent` of a step that `parent` led to; without a readable parent, of a new trace.
 * Source: https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function nextSpan(parent?: string): string {
  const [, traceId, , flags] = TRACEPARENT.exec(parent ?? '') ?? [];
  const known = traceId && !/^0+$/.test(traceId);
  return `00-${known ? traceId : hex(16)}-${hex(8)}-${known ? flags : '01'}`;
}

/** The trace id within a `traceparent`, for logs. */
export const traceIdOf = (traceparent?: string): string | undefined => TRACEPARENT.exec(traceparent ?? '')?.[1];
