export type AttributeValue = string | number | boolean | readonly AttributeValue[];

export type Attributes = Readonly<Record<string, AttributeValue>>;

/** The ids of a span, as lower-case hexadecimal digits. */
interface SpanId {
  readonly traceId: string;
  readonly spanId: string;
}

/** A finished span, as a function exported it. */
export interface Span extends SpanId {
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: SpanKind;
  /** The Lambda function or service that created the span. */
  readonly source: string;
  /** The start and the end of the span, in microseconds since the epoch. */
  readonly startUs: number;
  readonly endUs: number;
  readonly attributes: Attributes;
  readonly links: readonly SpanId[];
  readonly hasFailed: boolean;
  /** The description of the failure. Absent if the span did not fail, or if the function gave no description. */
  readonly failure?: string;
}

export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer';
