import type { Span } from './span.ts';

interface SpanInTree {
  readonly span: Span;
  /** How many ancestors the span has. */
  readonly depth: number;
}

/** Returns each span after its parent, with the children of a span in the order of their start. */
export function spanTree(spans: readonly Span[]): SpanInTree[] {
  const bySpanId = new Map(spans.map((span) => [span.spanId, span]));
  const children = new Map<Span | undefined, Span[]>();
  for (const span of spans) {
    const parent = parentOf(span, bySpanId);
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const below = (parent: Span | undefined, depth: number): SpanInTree[] =>
    (children.get(parent) ?? [])
      .toSorted((a, b) => a.startUs - b.startUs)
      .flatMap((span) => [{ span, depth }, ...below(span, depth + 1)]);
  return below(undefined, 0);
}

function parentOf(span: Span, bySpanId: ReadonlyMap<string, Span>): Span | undefined {
  const parent = span.parentSpanId === undefined ? undefined : bySpanId.get(span.parentSpanId);
  const candidates = [parent, ...span.links.map(({ spanId }) => bySpanId.get(spanId))];
  return candidates.find((other) => other !== undefined && isBefore(other, span));
}

const isBefore = (a: Span, b: Span) =>
  a.startUs < b.startUs || (a.startUs === b.startUs && a.spanId !== b.spanId && a.endUs > b.endUs);
