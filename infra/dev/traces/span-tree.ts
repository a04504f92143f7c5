import type { Span } from './span.ts';

interface SpanInTree {
  readonly span: Span;
  /** The number of ancestors of the span in the tree of spans. */
  readonly depth: number;
}

/**
 * Returns the spans of the request, message or order `id`. These are the spans that have `id` as their trace id or as
 * an attribute, their descendants, the spans that link to them, and the ancestors of all of these. Leaves out the spans
 * of other messages in the same batch.
 */
export function spansOf(id: string, spans: readonly Span[]): Span[] {
  const bySpanId = new Map(spans.map((span) => [span.spanId, span]));
  const found = new Set(
    spans.filter(({ traceId, attributes }) => traceId === id || Object.values(attributes).includes(id)),
  );
  const foundSpan = (spanId: string | undefined) => {
    const span = spanId === undefined ? undefined : bySpanId.get(spanId);
    return span && found.has(span) ? span : undefined;
  };
  // The children of the span of a batch are the spans of all its messages. Each of them links to the span that sent the message.
  const isBelow = ({ parentSpanId, links }: Span) => {
    const parent = foundSpan(parentSpanId);
    return (
      (parent && parent.attributes['messaging.operation.type'] !== 'receive') ||
      links.some(({ spanId }) => foundSpan(spanId))
    );
  };
  for (let before = -1; before < found.size;) {
    before = found.size;
    for (const span of spans.filter(isBelow)) found.add(span);
  }
  const shown = new Set(found);
  for (const { parentSpanId } of shown) {
    const parent = parentSpanId === undefined ? undefined : bySpanId.get(parentSpanId);
    if (parent) shown.add(parent);
  }
  return spans.filter((span) => shown.has(span));
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
