import type { Trace } from '../events/trace.ts';

export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface SpanOptions {
  /** The name of the span, for example `send orders`. */
  readonly name: string;
  readonly kind: 'server' | 'client' | 'producer' | 'consumer' | 'internal';
  /** The parent of the span. By default, the active span is the parent. */
  readonly parent?: Partial<Trace>;
  /** Other spans to which this span is linked, such as the span that published a message of the batch. */
  readonly links?: readonly (Partial<Trace> | undefined)[];
  readonly attributes?: SpanAttributes;
}

export interface Span {
  /** The trace headers with which other spans refer to this span. */
  readonly trace: Trace;
  set(attributes: SpanAttributes): void;
  /**
   * Marks the span as failed. `type` is an error code from a small set, without ids and other texts that differ between
   * errors.
   */
  fail(type: string, message?: string): void;
  end(): void;
  /** Runs `work` with this span as the active span, which is the parent of the spans that `work` starts. */
  run<T>(work: () => T): T;
}

/** Records spans, for example with OpenTelemetry: `openTelemetry()`. */
export interface Tracing {
  /** Starts a span. Returns `undefined` if no spans are recorded. */
  start(options: SpanOptions): Span | undefined;
  /**
   * Sends the ended spans to their receiver. Handlers call `flush`, because Lambda freezes the process between
   * invocations.
   */
  flush(): Promise<void>;
}

export const runIn = <T>(span: Span | undefined, work: () => T): T => (span ? span.run(work) : work());
