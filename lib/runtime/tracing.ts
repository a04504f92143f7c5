import type { Trace } from '../events/trace.ts';

export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface SpanOptions {
  /** The name of the span, for example `send orders`. */
  readonly name: string;
  readonly kind: 'server' | 'client' | 'producer' | 'consumer' | 'internal';
  /** The span that caused this span. By default, the active span is the parent. */
  readonly parent?: Partial<Trace>;
  /** Other spans to which this span is linked, such as the span that published a message of the batch. */
  readonly links?: readonly (Partial<Trace> | undefined)[];
  readonly attributes?: SpanAttributes;
}

export interface Span {
  /** The trace headers with which other spans can refer to this span. */
  readonly trace: Trace;
  set(attributes: SpanAttributes): void;
  /**
   * Marks the span as failed. `type` is an error code from a small set, and contains no ids or texts that differ
   * between errors.
   */
  fail(type: string, message?: string): void;
  end(): void;
  /** Runs `work` with this span as the active span. Spans that `work` starts become children of this span. */
  run<T>(work: () => T): T;
}

/** Records spans. The implementation for OpenTelemetry is `openTelemetry()`. */
export interface Tracing {
  /** Starts a span. Returns `undefined` if no spans are recorded. */
  start(options: SpanOptions): Span | undefined;
  /** Sends the ended spans to their receiver. Lambda freezes the process between invocations, so handlers call `flush`. */
  flush(): Promise<void>;
}

/** Runs `work` with a span as the active span. If no spans are recorded, runs `work` without a span. */
export const runIn = <T>(span: Span | undefined, work: () => T): T => (span ? span.run(work) : work());
